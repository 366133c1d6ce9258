// Output folders that cannot be used, checkpoints that are damaged, and disks that fill.

import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, errorsOf, inProcess } from "./command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "./news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
let data: string;
beforeAll(() => {
  data = writeCsv(path("news.csv"), items(0, 60));
});
afterAll(() => files.remove());

// 42 rows: 6 steps an epoch, a checkpoint after each.
const train = (output: string, ...more: string[]): Promise<Ended> =>
  inProcess(
    "train",
    "--data",
    data,
    ...QUICK,
    "--epochs",
    "3",
    "--early-stopping-patience",
    "0",
    "--output",
    output,
    ...more,
  );

/** Mounts a file system on a new folder; undefined where that is not allowed. */
function mount(...args: string[]): { folder: string; unmount: () => void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "albert-gpu-mount-"));
  const drop = (): void => rmSync(folder, { recursive: true, force: true });
  if (spawnSync("mount", [...args, folder]).status !== 0) {
    drop();
    return undefined;
  }
  return {
    folder,
    unmount: () => {
      execFileSync("umount", [folder]);
      drop();
    },
  };
}
const probe = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs");
probe?.unmount();
const canMount = probe !== undefined;

describe("an output folder", () => {
  it("that cannot be made, or be written to, is refused before any work", async () => {
    writeFileSync(path("file"), "");
    for (const output of [path("file"), path("file/below"), "/proc/albert-gpu"]) {
      const ended = await train(output);
      expect(ended.code).toBe(1);
      expect(errorsOf(ended)).toMatch(
        new RegExp(`^error: ${output}: must be a folder to write to; got E[A-Z]+: .*\\.$`),
      );
      expect(ended.stdout).not.toContain("train        ");
    }
  });

  it.skipIf(!canMount)("that is read-only is refused (needs a right to mount)", async () => {
    const disk = mount("-t", "tmpfs", "-o", "ro,size=64k", "tmpfs")!;
    try {
      const ended = await train(disk.folder);
      expect(ended.code).toBe(1);
      expect(errorsOf(ended)).toContain(
        `error: ${disk.folder}: must be a folder to write to; got EROFS`,
      );
    } finally {
      disk.unmount();
    }
  });

  it("that holds other files is left alone, with --resume too", async () => {
    mkdirSync(path("other"));
    writeFileSync(path("other/model.safetensors"), "precious");
    // Nothing is said of --resume where there is nothing to resume.
    for (const [more, message] of [
      [[], "the output folder must be empty; it is not. Choose another --output."],
      [["--resume"], /must hold the checkpoints of a run to resume; it holds other files/],
    ] as const) {
      const ended = await train(path("other"), ...more);
      expect(ended.code).toBe(1);
      expect(errorsOf(ended)).toMatch(message);
    }
    expect(readdirSync(path("other"))).toEqual(["model.safetensors"]);
    expect(readFileSync(path("other/model.safetensors"), "utf8")).toBe("precious");
  });

  it("that was made for a run that failed at once is removed again", async () => {
    const ended = await train(path("deep/er/run"), "--label-column", "klass");
    expect(ended.code).toBe(1);
    expect(existsSync(path("deep"))).toBe(false);
  });
});

describe("a run to resume", () => {
  const run = path("run");
  let weights: Buffer;
  beforeAll(async () => {
    expect(await train(run)).toMatchObject({ code: 0 });
    weights = readFileSync(join(run, "model.safetensors"));
    expect(readdirSync(run)).toEqual(
      expect.arrayContaining(["checkpoint-6", "checkpoint-12", "checkpoint-18"]),
    );
  });

  it.each([
    [["--batch-size", "4"], "--batch-size must be what the run to resume started with, 8; got 4."],
    [["--seed", "7"], "--seed must be what the run to resume started with, 42; got 7."],
    [
      ["--max-steps", "9"],
      "--max-steps must be what the run to resume started with, not given; got 9.",
    ],
    [["--metric", "loss"], "--metric must be what the run to resume started with, f1; got loss."],
    [["--pad-to-max-length"], "--pad-to-max-length must be what"],
  ])("cannot change its arguments: %j", async (more, message) => {
    const ended = await train(run, "--resume", ...more);
    expect(ended.code).toBe(2);
    expect(errorsOf(ended)).toContain(`error: ${message}`);
  });

  it("cannot change its shape, its classes or its data", async () => {
    const cases = [
      [
        ["--config", "mini"], // which suggests another learning rate, too
        /resume: the model must be .*embedding_size is 32; got 64/,
      ],
      [["--label-names", "fake=false,real=true"], /resume: the model must be .*id2label/],
      [["--text-columns", "title"], /resume: the train set must be the one the run started with/],
    ] as const;
    for (const [more, message] of cases) {
      const ended = await train(run, "--resume", ...more);
      expect(errorsOf(ended)).toMatch(message);
      expect(ended.code).toBe(1);
    }
  });

  it("may change how often it logs and how many checkpoints it keeps", async () => {
    cpSync(run, path("free"), { recursive: true });
    const ended = await train(
      path("free"),
      "--resume",
      "--logging-steps",
      "3",
      "--save-total-limit",
      "1",
    );
    expect(errorsOf(ended)).toBe("");
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain("resuming     from step 18");
  });

  it.each<[string, string, (file: string) => void]>([
    ["truncated", "model.safetensors", (file) => truncateSync(file, 1000)],
    ["with a flipped bit", "optimizer.safetensors", flipBit],
    ["with a flipped bit", "trainer_state.json", flipBit],
    ["with a flipped bit", "manifest.json", flipBit],
    ["without a file", "config.json", (file) => rmSync(file)],
    ["without", "manifest.json", (file) => rmSync(file)],
    ["whose list is empty:", "manifest.json", (file) => writeFileSync(file, '{"files": {}}')],
  ])(
    "refuses a checkpoint %s %s by name and goes on from the one before",
    async (what, name, spoil) => {
      const output = path(`damaged ${what} ${name}`.replaceAll(/\W/g, "-"));
      cpSync(run, output, { recursive: true });
      spoil(join(output, "checkpoint-18", name));
      rmSync(join(output, "model.safetensors"));
      const ended = await train(output, "--resume");
      expect(errorsOf(ended)).toBe("");
      expect(ended.code).toBe(0);
      expect(ended.stdout).toMatch(new RegExp(`^refused +${join(output, "checkpoint-18")}/`, "m"));
      expect(ended.stdout).toContain("resuming     from step 12");
      expect(readFileSync(join(output, "model.safetensors")).equals(weights)).toBe(true);
    },
  );
});

describe("a run whose checkpoints cannot be used", () => {
  it("is not begun again over them, also when only the best one is missing", async () => {
    const output = path("without-best");
    cpSync(path("run"), output, { recursive: true });
    const best = `checkpoint-${(JSON.parse(readFileSync(join(output, "results.json"), "utf8")) as { bestStep: number }).bestStep}`;
    rmSync(join(output, best), { recursive: true });
    const before = readdirSync(output);
    const ended = await train(output, "--resume");
    expect(ended.code).toBe(1);
    expect(errorsOf(ended)).toBe(
      `error: resume: a whole checkpoint, and the best one of its run, is needed; got ${join(output, best)}/manifest.json: cannot be read, so the checkpoint cannot be trusted. Put that back, or start anew in another folder.`,
    );
    expect(readdirSync(output)).toEqual(before);
  });
});

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(file, bytes);
}

const final = (folder: string): Buffer => readFileSync(join(folder, "model.safetensors"));

describe("a disk that fills while a checkpoint is written", () => {
  it.skipIf(!canMount)(
    "costs no earlier checkpoint, and the run goes on when there is room (needs a right to mount)",
    async () => {
      // A checkpoint of tiny and this vocabulary takes about 2.2 MB: one fits, a second does not.
      const disk = mount("-t", "tmpfs", "-o", "size=3500k", "tmpfs")!;
      try {
        const full = await train(disk.folder);
        expect(full.code).toBe(1);
        expect(errorsOf(full)).toBe(
          `error: ${join(disk.folder, "checkpoint-12")}: must be written whole; the disk is full (ENOSPC). What was written before is untouched: make room, then run the same command with --resume.`,
        );
        expect(readdirSync(disk.folder)).toEqual(["checkpoint-6", "log.jsonl", "runs"]);
        execFileSync("mount", ["-o", "remount,size=64m", disk.folder]);
        const resumed = await train(disk.folder, "--resume");
        expect(resumed.stdout).toContain("resuming     from step 6");
        expect(resumed.code).toBe(0);
        expect(final(disk.folder).equals(final(path("run")))).toBe(true);
      } finally {
        disk.unmount();
      }
    },
  );
});
