import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Gpu } from "../../engine/index.ts";
import { readGolden } from "../parity/cases.ts";
import { openPreparedGpu } from "../parity/gpu.ts";
import {
  type GoldenRun,
  type Plan,
  runErrors,
  train,
  type Trained,
  type TrainerGolden,
  trainOnSums,
} from "../parity/training.ts";

// The promise is 1e-4. Measured on lavapipe: loss 2.3e-7, gradient norm 6e-7, weights 2.4e-7.
const BOUND = 1e-5;

const golden = readGolden("trainer.json") as TrainerGolden;
const plan = readGolden("order.json") as Plan;
const rate = golden.arguments.learning_rate;

function goldenRun(name: string): GoldenRun {
  return golden.runs.find((run) => run.name === name)!;
}

function expectSameRun(trained: Omit<Trained, "evaluationLosses">, run: GoldenRun): void {
  expect(trained.totalSteps).toBe(run.totalSteps);
  const errors = runErrors(trained, run, rate);
  expect(errors.loss).toBeLessThan(BOUND);
  expect(errors.gradientNorm).toBeLessThan(BOUND);
  expect(errors.learningRate).toBeLessThan(1e-12);
  expect(errors.weights, errors.worst).toBeLessThan(BOUND);
  expect(errors.keyBias).toBeLessThan(run.steps.length);
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openPreparedGpu();
});
afterAll(() => gpu.close());

describe("Trainer is transformers' Trainer", () => {
  it("has golden runs with a warm-up, a partial last batch, and clipping in some steps only", () => {
    expect(plan.lengths.length % plan.batchSize).not.toBe(0);
    const { warmup_steps: warmup, max_grad_norm: max } = golden.arguments;
    const { steps } = goldenRun("the mean of two batches");
    expect(steps).toHaveLength(30);
    expect(steps[warmup]!.learningRate).toBe(rate);
    const clipped = steps.filter(({ gradientNorm }) => gradientNorm > max).length;
    expect(clipped).toBeGreaterThan(10);
    expect(clipped).toBeLessThan(30);
  });

  it.each(["no accumulation", "the mean of two batches"])(
    "with %s: loss, rate and gradient norm of each step, evaluations and final weights",
    async (name) => {
      const run = goldenRun(name);
      const trained = await train(gpu, golden, plan, run.accumulation);
      expectSameRun(trained, run);
      expect(trained.evaluationLosses).toHaveLength(2);
      trained.evaluationLosses.forEach((loss, i) => {
        expect(Math.abs(loss / run.evaluationLosses[i]! - 1)).toBeLessThan(BOUND);
      });
    },
  );

  it("with the sum of two batches, which is transformers' own default, when we sum too", async () => {
    const run = goldenRun("the sum of two batches");
    expectSameRun(await trainOnSums(gpu, golden, plan, run.accumulation), run);
  });

  it("but averages where transformers sums: its loss and norm are ours times the batches of a step", async () => {
    const [mean, sum] = [goldenRun("the mean of two batches"), goldenRun("the sum of two batches")];
    const { steps } = await train(gpu, golden, plan, mean.accumulation);
    // The first step's rate is 0, so the second one starts from the same weights.
    for (const i of [0, 1]) {
      expect(sum.steps[i]!.loss / steps[i]!.loss).toBeCloseTo(2, 5);
      expect(sum.steps[i]!.gradientNorm / steps[i]!.gradientNorm).toBeCloseTo(2, 5);
    }
    // The last step of an epoch has one batch: there both are the same again, but for the weights.
    expect(sum.steps[14]!.loss / steps[14]!.loss).toBeCloseTo(1, 5);
  });

  it("notices a learning rate that is off by a thousandth", async () => {
    const run = goldenRun("the mean of two batches");
    const changed = { ...golden, arguments: { ...golden.arguments, learning_rate: rate * 1.001 } };
    const errors = runErrors(await train(gpu, changed, plan, run.accumulation), run, rate);
    expect(errors.weights).toBeGreaterThan(BOUND);
    expect(errors.gradientNorm).toBeGreaterThan(BOUND);
  });
});
