// The log of a run in files: the same after a crash as without one.

import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../model/index.ts";
import type { LogEntry } from "../../train/checkpoint.ts";
import { RunLog } from "../../train/run-log.ts";
import { temporaryFolder } from "../cli/news.ts";
import { eventFiles, readEvents, scalarsOf } from "../support/events.ts";
import { MICRO_ARGUMENTS } from "./micro-run.ts";

const config = parseConfig({ model_type: "albert", vocab_size: 128 }, "micro");

const trained = (step: number): LogEntry => ({
  step,
  epoch: step / 10,
  loss: 1 / step,
  learning_rate: 1e-3,
  grad_norm: 2,
});
const scored = (step: number): LogEntry => ({
  step,
  epoch: step / 10,
  eval_loss: 0.5,
  eval_f1: 0.75,
});
const ENTRIES = [trained(1), trained(10), scored(10), trained(20), scored(20)];

async function inFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const { folder, remove } = temporaryFolder();
  try {
    await test(folder);
  } finally {
    remove();
  }
}

function write(
  folder: string,
  entries: readonly LogEntry[],
  reportTo = MICRO_ARGUMENTS.reportTo,
): void {
  const log = new RunLog(folder, { ...MICRO_ARGUMENTS, reportTo }, config);
  for (const entry of entries) log.add(entry);
  log.close();
}

const linesOf = (folder: string): unknown[] =>
  readFileSync(join(folder, "log.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

/** Changes a byte at a share of the file. */
function damage(file: string, share: number): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(share * bytes.length)]! ^= 1;
  writeFileSync(file, bytes);
}

describe("the log of a run", () => {
  it("is a JSON line an entry, and scalars under transformers' tags", () =>
    inFolder((folder) => {
      write(folder, ENTRIES);
      expect(linesOf(folder)).toEqual(ENTRIES);
      const scalars = scalarsOf(folder);
      const f32 = (step: number, value: number) => [step, Math.fround(value)];
      expect(scalars).toEqual({
        "train/epoch": [f32(1, 0.1), f32(10, 1), f32(20, 2)],
        "train/loss": [f32(1, 1), f32(10, 0.1), f32(20, 0.05)],
        "train/learning_rate": [1, 10, 20].map((step) => f32(step, 1e-3)),
        "train/grad_norm": [1, 10, 20].map((step) => f32(step, 2)),
        "eval/loss": [f32(10, 0.5), f32(20, 0.5)],
        "eval/f1": [f32(10, 0.75), f32(20, 0.75)],
      });
      const [file] = eventFiles(folder);
      expect(file).toMatch(
        /runs\/[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_[^/]+\/events\.out\.tfevents\.\d{10}\.[^/]+\.\d+\.\d+$/,
      );
      const texts = readEvents(file!).map(({ texts }) => texts);
      expect(JSON.parse(texts[1]!["args/text_summary"]!)).toMatchObject({ seed: 42, batchSize: 8 });
      expect(JSON.parse(texts[2]!["model_config/text_summary"]!)).toMatchObject({
        vocab_size: 128,
      });
    }));

  it("can go without TensorBoard", () =>
    inFolder((folder) => {
      write(folder, ENTRIES, "none");
      expect(readdirSync(folder)).toEqual(["log.jsonl"]);
    }));

  it("is in the file as soon as it is added", () =>
    inFolder((folder) => {
      const log = new RunLog(folder, MICRO_ARGUMENTS, config);
      for (const [i, entry] of ENTRIES.entries()) {
        log.add(entry);
        expect(linesOf(folder)).toEqual(ENTRIES.slice(0, i + 1));
      }
      log.close();
    }));

  // A run may be ended between any two entries, and go on from any state before that.
  const moments = ENTRIES.flatMap((_, known) =>
    ENTRIES.slice(known).map((_, more) => [known, known + more + 1] as const),
  );
  it.each(moments)(
    "with %i entries known of %i written goes on as if nothing had happened",
    (known, written) =>
      inFolder(async (folder) => {
        write(folder, ENTRIES.slice(0, written));
        appendFileSync(join(folder, "log.jsonl"), '{"step":');
        const log = new RunLog(folder, MICRO_ARGUMENTS, config);
        await log.goOn(ENTRIES.slice(0, known));
        for (const entry of ENTRIES.slice(known)) log.add(entry);
        log.close();
        expect(linesOf(folder)).toEqual(ENTRIES);
        expect(eventFiles(folder)).toHaveLength(1);
        const alone = temporaryFolder();
        write(alone.folder, ENTRIES);
        expect(scalarsOf(folder)).toEqual(scalarsOf(alone.folder));
        alone.remove();
      }),
  );

  it.each([
    ["cut off in its first records", (file: string) => truncateSync(file, 60)],
    ["damaged in the middle", (file: string) => damage(file, 0.8)],
    ["lost", (file: string) => rmSync(file)],
  ])("writes the event file again that was %s", (_, harm) =>
    inFolder(async (folder) => {
      write(folder, ENTRIES);
      harm(eventFiles(folder)[0]!);
      const log = new RunLog(folder, MICRO_ARGUMENTS, config);
      await log.goOn(ENTRIES);
      log.close();
      expect(eventFiles(folder)).toHaveLength(1);
      expect(readEvents(eventFiles(folder)[0]!)).toHaveLength(3 + ENTRIES.length);
      const alone = temporaryFolder();
      write(alone.folder, ENTRIES);
      expect(scalarsOf(folder)).toEqual(scalarsOf(alone.folder));
      alone.remove();
    }),
  );

  it("is written again where it was lost, and leaves nothing of a run that begins anew", () =>
    inFolder(async (folder) => {
      write(folder, ENTRIES, "none");
      rmSync(join(folder, "log.jsonl"));
      const log = new RunLog(folder, { ...MICRO_ARGUMENTS, reportTo: "none" }, config);
      await log.goOn(ENTRIES);
      expect(linesOf(folder)).toEqual(ENTRIES);
      await log.goOn([]);
      expect(existsSync(join(folder, "log.jsonl"))).toBe(false);
      log.close();
    }));

  it("begins anew where an earlier run saved nothing else", () =>
    inFolder((folder) => {
      write(folder, ENTRIES.slice(0, 3));
      write(folder, ENTRIES);
      expect(linesOf(folder)).toEqual(ENTRIES);
      expect(eventFiles(folder).map((file) => readEvents(file).length)).toEqual([8]);
    }));

  it("on a folder that cannot be written to is refused with the folder", () =>
    inFolder((folder) => {
      writeFileSync(join(folder, "file"), "");
      const log = new RunLog(join(folder, "file"), MICRO_ARGUMENTS, config);
      expect(() => log.add(trained(1))).toThrow(/file: must be written whole; ENOTDIR/);
    }));
});
