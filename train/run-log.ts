// What a run leaves for others to read while it trains: log.jsonl, and event files for TensorBoard. The truth is the log in
// the trainer's state: after a resumption both go on from there, with nothing twice.

import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { type AlbertConfig, serializeConfig } from "../model/index.ts";
import type { TrainingArguments } from "./arguments.ts";
import { writeFilesInto, writingProblem } from "./checkpoint-folder.ts";
import type { LogEntry } from "./checkpoint.ts";
import { EventFile } from "./event-file.ts";

/** The log of a run, a JSON object a line. */
export const LOG_FILE = "log.jsonl";
/** Folder of the event files, as transformers names it. */
export const RUNS = "runs";

/** What an event file begins with: its version, arguments and configuration. */
const FIRST_RECORDS = 3;

/** Where else a run is reported, by transformers' names. */
export const REPORT_TO = ["tensorboard", "none"] as const;
export type ReportTo = (typeof REPORT_TO)[number];

/** Files are opened with the first entry, so that a run that did nothing leaves none. Without `goOn` they begin anew. */
export class RunLog {
  readonly #output: string;
  readonly #args: TrainingArguments;
  readonly #config: AlbertConfig;
  /** The entry whose numbers were last in the event file. */
  #last: LogEntry | undefined;
  #goesOn = false;
  #lines: number | undefined;
  #events: EventFile | undefined;

  /** @param output the run's folder */
  constructor(output: string, args: TrainingArguments, config: AlbertConfig) {
    this.#output = output;
    this.#args = args;
    this.#config = config;
  }

  /** Puts the files to where the state of a run is that goes on: later entries are dropped, lost ones written again. */
  async goOn(log: readonly LogEntry[]): Promise<void> {
    this.#goesOn = true;
    const text = log.map(lineOf).join("");
    const path = join(this.#output, LOG_FILE);
    if (log.length === 0) await rm(path, { force: true });
    else if ((await readFile(path, "utf8").catch(() => undefined)) !== text) {
      await writeFilesInto(this.#output, (aside) => writeFile(join(aside, LOG_FILE), text));
    }
    const step = log.at(-1)?.["step"] ?? 0;
    const isEarlier = (entry: LogEntry): boolean => entry["step"]! < step;
    if (this.#args.reportTo === "none") return;
    const runs = join(this.#output, RUNS);
    const events = lastEventFile(runs);
    // Which of the last step's entries are in the file cannot be told by the step: they are written again.
    const earlier = log.filter(isEarlier);
    const records = FIRST_RECORDS + earlier.length;
    this.#events =
      events === undefined ? undefined : EventFile.goOn(events, Math.max(0, step - 1), records);
    if (!this.#events) await rm(runs, { recursive: true, force: true }); // damaged or lost: all is written again
    this.#last = this.#events && earlier.at(-1);
    for (const entry of log.slice(this.#events ? earlier.length : 0)) this.addEvent(entry);
  }

  /** Writes an entry. Throws FileError when the disk is full. */
  add(entry: LogEntry): void {
    try {
      this.#lines ??= this.startLines();
      writeSync(this.#lines, lineOf(entry));
      if (this.#args.reportTo === "tensorboard") this.addEvent(entry);
    } catch (error) {
      throw writingProblem(this.#output, error);
    }
  }

  close(): void {
    if (this.#lines !== undefined) closeSync(this.#lines);
    this.#events?.close();
    this.#lines = undefined;
    this.#events = undefined;
  }

  private startLines(): number {
    // Event files of a run that died before its first checkpoint would stand beside this one's.
    if (!this.#goesOn) rmSync(join(this.#output, RUNS), { recursive: true, force: true });
    return openSync(join(this.#output, LOG_FILE), this.#goesOn ? "a" : "w");
  }

  private addEvent(entry: LogEntry): void {
    this.#events ??= this.startEvents();
    this.#events.scalars(entry["step"]!, scalarsOf(entry, this.#last));
    this.#last = entry;
  }

  private startEvents(): EventFile {
    const path = eventPath(join(this.#output, RUNS), new Date());
    mkdirSync(dirname(path), { recursive: true });
    const events = EventFile.create(path);
    events.text("args", JSON.stringify(this.#args, null, 2));
    events.text("model_config", serializeConfig(this.#config));
    return events;
  }
}

const lineOf = (entry: LogEntry): string => `${JSON.stringify(entry)}\n`;

/** Tags as transformers' TensorBoardCallback has them; a step's epoch is written once, also where it ends one. */
function scalarsOf(entry: LogEntry, before: LogEntry | undefined): Record<string, number> {
  const isEpochKnown = before?.["step"] === entry["step"];
  return Object.fromEntries(
    Object.entries(entry).flatMap(([name, value]) => {
      if (name === "step" || (name === "epoch" && isEpochKnown)) return [];
      const tag = name.startsWith("eval_") ? name.replace("eval_", "eval/") : `train/${name}`;
      return [[tag, value]];
    }),
  );
}

let eventFiles = 0;

/** runs/Nov24_19-29-38_host/events.out.tfevents.1764012578.host.4711.0, as SummaryWriter names it, in local time. */
function eventPath(runs: string, now: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const month = now.toLocaleString("en", { month: "short" });
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("-");
  const host = hostname();
  return join(
    runs,
    `${month}${two(now.getDate())}_${time}_${host}`,
    `events.out.tfevents.${Math.floor(now.getTime() / 1000)}.${host}.${process.pid}.${eventFiles++}`,
  );
}

/** The event file begun last, by the time in its name. */
function lastEventFile(runs: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(runs, { recursive: true, encoding: "utf8" });
  } catch {
    return undefined;
  }
  const time = (name: string): number => Number(/tfevents\.(\d+)\./.exec(name)?.[1] ?? NaN);
  const [last] = names.filter((name) => time(name) > 0).sort((a, b) => time(b) - time(a));
  return last === undefined ? undefined : join(runs, last);
}
