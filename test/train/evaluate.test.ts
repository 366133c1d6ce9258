import { beforeAll, describe, expect, it } from "vitest";
import { Random, ShapeError } from "../../engine/index.ts";
import {
  argmaxRows,
  evaluate,
  meanCrossEntropy,
  predictLogits,
  softmaxRows,
} from "../../train/evaluate.ts";
import { openTestGpu } from "../support/device.ts";
import { microModel, microSet } from "./micro-run.ts";

const gpu = await openTestGpu();

describe("rows of logits", () => {
  const logits = Float32Array.of(1, 2, 3, 1000, 0, -1000, 5, 5, 5);

  it("become probabilities that add up to 1, however large they are", () => {
    const probabilities = softmaxRows(logits, 3);
    const e = [1, 2, 3].map(Math.exp);
    const sum = e.reduce((a, b) => a + b);
    [...e.map((x) => x / sum), 1, 0, 0, 1 / 3, 1 / 3, 1 / 3].forEach((want, i) =>
      expect(probabilities[i]).toBeCloseTo(want, 6),
    );
  });

  it("have their first largest column as the prediction", () => {
    expect([...argmaxRows(logits, 3)]).toEqual([2, 0, 0]);
  });

  it("have the mean of -log softmax[label] as their loss", () => {
    const labels = Uint32Array.of(0, 2, 1);
    const want = (Math.log(Math.exp(-2) + Math.exp(-1) + 1) + 2 + 2000 + Math.log(3)) / 3;
    expect(meanCrossEntropy(logits, labels, 3)).toBeCloseTo(want, 6);
  });
});

describe("a set", () => {
  const model = microModel(gpu);
  const set = microSet(23, 4);
  const how = { batchSize: 5, maxLength: 32, padToMaxLength: false };
  beforeAll(() => {
    // Larger weights than new ones have, so that texts differ in more than the last digits.
    const random = new Random(9);
    for (const { name, shape } of model.parameters.parts) {
      const size = shape.reduce((product, length) => product * length, 1);
      const values = Float32Array.from({ length: size }, () => random.uniform() - 0.5);
      model.parameters.set(name, shape, values);
    }
  });

  it("gets its logits in input order, whatever the batch size and padding are", async () => {
    const done: number[] = [];
    const one = await predictLogits(gpu, model, set.tokens, { ...how, batchSize: 1 });
    const five = await predictLogits(gpu, model, set.tokens, how, (n) => done.push(n));
    const padded = await predictLogits(gpu, model, set.tokens, { ...how, padToMaxLength: true });
    expect(new Set(one).size).toBeGreaterThan(40);
    for (const other of [five, padded]) {
      expect(other).toHaveLength(46);
      one.forEach((value, i) => expect(other[i]).toBeCloseTo(value, 4));
    }
    expect(done.at(-1)).toBe(23);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it("is scored by loss and by predictions", async () => {
    const found = await evaluate(gpu, model, set, how);
    const logits = await predictLogits(gpu, model, set.tokens, how);
    const predictions = argmaxRows(logits, 2);
    expect(found.predictions).toEqual(predictions);
    const right = predictions.filter((label, i) => label === set.labels[i]).length;
    expect(found.accuracy).toBeCloseTo(right / 23, 12);
    expect(found.loss).toBe(meanCrossEntropy(logits, set.labels, 2));
    expect(found.samplesPerSecond * found.seconds).toBeCloseTo(23, 6);
  });

  it("with a class the model does not have is refused", async () => {
    const labels = set.labels.map((label, i) => (i === 3 ? 2 : label));
    await expect(evaluate(gpu, model, { ...set, labels }, how)).rejects.toThrow(ShapeError);
    await expect(evaluate(gpu, model, { ...set, labels }, how)).rejects.toThrow("below 2; got 2");
  });

  it("is left between two batches when the signal says so", async () => {
    const controller = new AbortController();
    const ended = evaluate(gpu, model, set, { ...how, signal: controller.signal }, (done) => {
      if (done >= 10) controller.abort(new Error("enough"));
    });
    await expect(ended).rejects.toThrow("enough");
  });
});
