import { expect, it, onTestFinished } from "vitest";
import { openGpu } from "../../engine/index.ts";
import { TokenizedSet } from "../../train/tokenize.ts";
import { Trainer } from "../../train/trainer.ts";
import { openTestGpu } from "../support/device.ts";
import { microRun, trainMicro } from "./micro-run.ts";

const gpu = await openTestGpu();

it("takes the memory of the largest batches, which then serve all", async () => {
  const fresh = await openGpu();
  onTestFinished(() => fresh.close());
  // Short texts at the front of the set, a few long ones at its end.
  const lengths = Uint16Array.from({ length: 40 }, (_, i) => (i < 34 ? 4 : 30));
  const ids = new Uint16Array(lengths.reduce((sum, length) => sum + length, 0)).fill(7);
  const train = { tokens: new TokenizedSet(ids, lengths), labels: new Uint32Array(40) };
  const { run, dispose } = await microRun(fresh, { batchSize: 4, maxSteps: 20 }, { train });
  const bytes: number[] = [];
  const trainer = new Trainer(run, { onStep: () => bytes.push(fresh.poolBytes) });
  await trainer.train();
  trainer.destroy();
  dispose();
  expect(bytes).toHaveLength(20);
  // Between the epochs a checkpoint takes a buffer to read the weights into.
  expect(new Set(bytes.slice(0, 10)).size).toBe(1);
  expect(new Set(bytes.slice(10)).size).toBe(1);
});

it("compiles before the first step all that steps and evaluations need, and changes no bit", async () => {
  const args = { gradientAccumulationSteps: 2, maxSteps: 4 };
  const whole = await trainMicro(gpu, args);
  const fresh = await openGpu();
  onTestFinished(() => fresh.close());
  const { run, dispose } = await microRun(fresh, args);
  const compiled: number[] = [];
  const at: number[] = [];
  const trainer = new Trainer(run, {
    onCompile: (done, total) => {
      compiled.push(done);
      expect(total).toBeGreaterThan(20);
    },
    onStep: () => at.push(fresh.calls.pipelines),
    onEpoch: () => at.push(fresh.calls.pipelines),
  });
  const { state } = await trainer.train();
  const weights = Buffer.from((await fresh.read(run.model.parameters.values)).buffer);
  trainer.destroy();
  dispose();
  expect(compiled).toEqual(Array.from({ length: compiled.length }, (_, i) => i));
  expect(new Set(at)).toEqual(new Set([compiled.length - 1]));
  expect(state.step).toBe(4);
  expect(weights.equals(whole.weights)).toBe(true);
});
