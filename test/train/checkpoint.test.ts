import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileError } from "../../engine/index.ts";
import {
  initialState,
  listCheckpoints,
  loadCheckpoint,
  pruneCheckpoints,
  readCheckpoint,
  saveCheckpoint,
} from "../../train/checkpoint.ts";
import { AdamW } from "../../train/optimiser.ts";
import { Trainer } from "../../train/trainer.ts";
import { withFolder } from "../support/spiece.ts";
import { openTestGpu } from "../support/device.ts";
import { microModel, microRun, weightsOf } from "./micro-run.ts";

const gpu = await openTestGpu();

describe("a checkpoint", () => {
  it("brings back weights, moments, state and arguments, bit by bit", async () => {
    const { run, dispose } = await microRun(gpu, { maxSteps: 3 });
    const trainer = new Trainer(run);
    const { state } = await trainer.train();
    const path = join(run.output, "checkpoint-3");
    const model = microModel(gpu, 99);
    const optimiser = new AdamW(gpu, model.parameters, run.args);
    const saved = await loadCheckpoint(path, model, optimiser);
    expect(saved.state).toEqual(state);
    expect(saved.arguments).toEqual(JSON.parse(JSON.stringify(run.args)));
    expect(optimiser.steps).toBe(3);
    expect((await weightsOf(gpu, model)).equals(await weightsOf(gpu, run.model))).toBe(true);

    // What is saved again from the copy is the same file: the moments came back too.
    await withFolder(async (folder) => {
      const again = { model, tokenizer: run.tokenizer, optimiser, saved };
      const copy = await saveCheckpoint(folder, again);
      for (const name of ["optimizer.safetensors", "model.safetensors", "config.json"]) {
        expect(readFileSync(join(copy, name)).equals(readFileSync(join(path, name)))).toBe(true);
      }
    });
    const { v } = await optimiser.read();
    expect(v.some((value) => value > 0)).toBe(true);
    trainer.destroy();
    dispose();
  });

  it("of another shape is refused and loads nothing", async () => {
    const { run, dispose } = await microRun(gpu, { maxSteps: 1 });
    const trainer = new Trainer(run);
    await trainer.train();
    const model = microModel(gpu, 5, { K: 3 });
    const before = await weightsOf(gpu, model);
    const optimiser = new AdamW(gpu, model.parameters, run.args);
    const loading = loadCheckpoint(join(run.output, "checkpoint-1"), model, optimiser);
    await expect(loading).rejects.toThrow(FileError);
    expect((await weightsOf(gpu, model)).equals(before)).toBe(true);
    expect(optimiser.steps).toBe(0);
    trainer.destroy();
    dispose();
  });

  it("without one of its files in the manifest is refused", async () => {
    await withFolder(async (folder) => {
      const { run, dispose } = await microRun(gpu);
      const optimiser = new AdamW(gpu, run.model.parameters, run.args);
      const fingerprints = { train: "", validation: "" };
      const saved = { state: { ...initialState(), step: 7 }, arguments: run.args, fingerprints };
      const path = await saveCheckpoint(folder, { ...run, optimiser, saved });
      expect(await readCheckpoint(path)).toMatchObject({ fingerprints });
      await expect(readCheckpoint(join(folder, "checkpoint-8"))).rejects.toThrow("manifest.json");
      expect(readdirSync(path)).toEqual(expect.arrayContaining(["manifest.json", "spiece.model"]));
      dispose();
    });
  });
});

describe("a run's folder", () => {
  it("lists its checkpoints latest first, and nothing else", async () => {
    await withFolder(async (folder) => {
      const names = ["checkpoint-9", "checkpoint-100", "checkpoint-10", "checkpoint-11.partial"];
      for (const name of [...names, "checkpoint-x", "other"]) mkdirSync(join(folder, name));
      expect(await listCheckpoints(folder)).toEqual([100, 10, 9]);
      expect(await listCheckpoints(join(folder, "none"))).toEqual([]);
    });
  });

  it.each([
    [1, 10, ["checkpoint-10", "checkpoint-40"]],
    [2, 40, ["checkpoint-20", "checkpoint-30", "checkpoint-40"]],
    [1, null, ["checkpoint-40"]],
    [undefined, 10, ["checkpoint-10", "checkpoint-20", "checkpoint-30", "checkpoint-40"]],
  ])("keeps %s checkpoints besides the best one, %s", async (limit, best, want) => {
    await withFolder(async (folder) => {
      for (const step of [10, 20, 30, 40]) mkdirSync(join(folder, `checkpoint-${step}`));
      await pruneCheckpoints(folder, limit, { step: 40, bestStep: best });
      expect(readdirSync(folder).sort()).toEqual(want);
    });
  });

  it("keeps the checkpoint just written, whatever damaged ones of later steps there are", async () => {
    await withFolder(async (folder) => {
      for (const step of [5, 10, 15, 20]) mkdirSync(join(folder, `checkpoint-${step}`));
      await pruneCheckpoints(folder, 1, { step: 15, bestStep: 10 });
      expect(readdirSync(folder).sort()).toEqual([
        "checkpoint-10",
        "checkpoint-15",
        "checkpoint-20",
      ]);
    });
  });
});
