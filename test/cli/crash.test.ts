// Runs that are ended from outside, and what --resume makes of them: bitwise the model and the log of a run left alone.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../engine/index.ts";
import { errorsOf, run, start } from "./command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "./news.ts";

// A nightly run sets 25; the seed of the moments may be set to find another 25.
const KILLS = Number(process.env["ALBERT_GPU_TEST_KILLS"] ?? 3);
const SEED = Number(process.env["ALBERT_GPU_TEST_SEED"] ?? 1);

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
let data: string;
/** What training took, so that moments can be chosen within it. */
let trainingMs: number;

const trainArgs = (output: string): string[] => [
  "train",
  "--data",
  data,
  ...QUICK,
  "--output",
  path(output),
  "--epochs",
  "3",
  "--logging-steps",
  "4",
  "--early-stopping-patience",
  "0",
];

beforeAll(async () => {
  data = writeCsv(path("news.csv"), items(0, 150));
  const child = start(trainArgs("alone"));
  await child.saying("training     ");
  const started = performance.now();
  expect((await child.ended).code).toBe(0);
  trainingMs = performance.now() - started;
});
afterAll(() => files.remove());

/** Resumes a run and holds it against the one left alone. */
async function expectSameAfterResume(output: string): Promise<string> {
  const { code, stdout, stderr } = await run([...trainArgs(output), "--resume"]);
  expect(stderr).not.toContain("error:");
  expect(code).toBe(0);
  const weights = (folder: string) => readFileSync(join(path(folder), "model.safetensors"));
  expect(weights(output).equals(weights("alone"))).toBe(true);
  const { log, ...results } = resultsOf(output);
  expect(log).toEqual(resultsOf("alone")["log"]);
  expect(results).toMatchObject({ steps: 42, bestStep: resultsOf("alone")["bestStep"] });
  const left = readdirSync(path(output)).filter((name) => !/^checkpoint-\d+$/.test(name));
  const wanted = readdirSync(path("alone")).filter((name) => !/^checkpoint-\d+$/.test(name));
  expect(left).toEqual(wanted);
  return stdout;
}

const resultsOf = (output: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path(output), "results.json"), "utf8")) as Record<string, unknown>;

describe.each(["SIGINT", "SIGTERM"] as const)("%s", (signal) => {
  it("during training finishes the step, writes a checkpoint and says how to resume", async () => {
    const output = `in-training-${signal}`;
    const child = start(trainArgs(output));
    await child.saying("step 4 ");
    child.process.kill(signal);
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(ended.stdout).toContain("stopping after this step");
    const [, step] =
      /^error: interrupted at step (\d+); .* --resume to go on\.$/.exec(
        errorsOf(ended).split("\n").at(-1) ?? "",
      ) ?? [];
    expect(Number(step)).toBeGreaterThanOrEqual(4);
    expect(readdirSync(path(output))).toContain(`checkpoint-${step}`);
    if (signal === "SIGTERM") return; // the same from here on
    expect(await expectSameAfterResume(output)).toContain(`resuming     from step ${step}`);
  });
});

describe("Ctrl-C", () => {
  it("while texts are tokenised ends at once, and leaves nothing", async () => {
    const many = writeCsv(
      path("many.csv"),
      Array.from({ length: 40 }, () => items(0, 1500)).flat(),
    );
    const args = ["--data", many, ...QUICK, "--max-length", "512", "--output", path("early")];
    const child = start(["train", ...args]);
    await child.saying("example      ");
    const pressed = performance.now();
    child.process.kill("SIGINT");
    const ended = await child.ended;
    expect(performance.now() - pressed).toBeLessThan(5000);
    expect(ended.code).toBe(130);
    expect(ended.stdout).not.toContain("parameters");
    expect(errorsOf(ended)).not.toMatch(/^\s+at /m);
    expect(existsSync(path("early"))).toBe(false);
  });

  it("pressed twice ends at once", async () => {
    const args = ["--data", path("many.csv"), ...QUICK, "--output", path("twice")];
    const child = start(["train", ...args]);
    await child.saying("step 10 ");
    child.process.kill("SIGINT");
    await child.saying("stopping after this step");
    child.process.kill("SIGINT");
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(errorsOf(ended)).not.toMatch(/^\s+at /m);
  });
});

describe("kill -9", () => {
  const random = new Random(SEED);
  const moments = Array.from({ length: KILLS }, () => random.uniform());
  it.each(moments)("after %f of the training time loses nothing", async (moment) => {
    const output = `killed-${moment}`;
    const child = start(trainArgs(output));
    await child.saying("training     ");
    await new Promise((resolve) => setTimeout(resolve, moment * trainingMs));
    child.process.kill("SIGKILL");
    await child.ended;
    await expectSameAfterResume(output);
  });
});

describe("a second run into a folder in use", () => {
  it("is refused, and the first one is not disturbed", async () => {
    const first = start(trainArgs("shared"));
    await first.saying("training     ");
    const second = await run([...trainArgs("shared"), "--resume"]);
    expect(second.code).toBe(1);
    expect(errorsOf(second)).toContain(
      `error: ${path("shared")}: one run at a time may write here; process ${first.process.pid} does.`,
    );
    expect((await first.ended).code).toBe(0);
    await expectSameAfterResume("shared");
  });
});

describe("a closed standard output", () => {
  it("does not end a training run", async () => {
    const child = start(trainArgs("piped"));
    await child.saying("step 1 ");
    child.process.stdout.destroy();
    const ended = await child.ended;
    expect(errorsOf(ended)).toBe("");
    expect(ended.code).toBe(0);
    expect(resultsOf("piped")["log"]).toEqual(resultsOf("alone")["log"]);
  });
});
