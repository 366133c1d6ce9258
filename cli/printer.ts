// What a person reads. With --json it goes to stderr, so that stdout carries the result alone.

import { SingleBar } from "cli-progress";
import { beginning } from "../train/listed.ts";
import { legible } from "./report/markup.ts";

/** Bars that redraw themselves: their timers keep the process alive. */
const bars = new Set<SingleBar>();

/** Clears the bars of a command that failed, so that its error has a line of its own, and the process ends. */
export function stopBars(): void {
  for (const bar of bars) bar.stop();
  bars.clear();
}

/** A progress bar, or nothing where the output is no terminal. */
export interface Progress {
  update(done: number, text?: string): void;
  stop(): void;
}

export class Printer {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | undefined;

  constructor(json: boolean) {
    this.#stream = json ? process.stderr : process.stdout;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY;
  }

  line(text = ""): void {
    // A bar redraws itself on its own line: text must not land in it.
    if (this.#bar && this.isTerminal) this.#stream.write("\r\x1b[K");
    this.#stream.write(`${text}\n`);
  }

  /** Starts a bar. Where the output is no terminal nothing is shown: lines would only fill a log. */
  progress(label: string, total: number): Progress {
    if (!this.isTerminal) return { update: () => undefined, stop: () => undefined };
    const bar = new SingleBar({
      format: `${label} [{bar}] {value}/{total} {text}`,
      stream: this.#stream,
      hideCursor: false,
      clearOnComplete: true,
      barCompleteChar: "#",
      barIncompleteChar: "-",
      barsize: 24,
      fps: 5,
    });
    bar.start(total, 0, { text: "" });
    bars.add(bar);
    this.#bar = bar;
    return {
      update: (done, text = "") => bar.update(done, { text }),
      stop: () => {
        bar.stop();
        bars.delete(bar);
        this.#bar = undefined;
      },
    };
  }

  /** Right-aligned columns under their heads. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = (rows[0] ?? []).map((_, i) =>
      Math.max(...rows.map((row) => (row[i] ?? "").length)),
    );
    for (const row of rows) {
      this.line(row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  "));
    }
  }
}

const two = (n: number): string => String(n).padStart(2, "0");

/** "1 h 02 min", "3 min 05 s", "12 s". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
}

/** "1.2 GiB", "85 MiB". */
export function gib(bytes: number): string {
  const mib = bytes / 2 ** 20;
  return mib < 1000 ? `${Math.ceil(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}

/** The first characters of a text on one line, without what would steer a terminal. */
export function excerpt(text: string, characters = 96): string {
  return legible(beginning(text, characters));
}
