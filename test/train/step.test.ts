import { describe, expect, it } from "vitest";
import { ShapeError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { collate } from "../../train/batches.ts";
import { AdamW } from "../../train/optimiser.ts";
import type { LabelledBatch } from "../../train/labelled-batch.ts";
import { logitsOf, trainStep } from "../../train/step.ts";
import { openTestGpu } from "../support/device.ts";
import { MICRO_ARGUMENTS, microModel, microSet, weightsOf } from "./micro-run.ts";

const gpu = await openTestGpu();
const model = microModel(gpu);
const optimiser = new AdamW(gpu, model.parameters, MICRO_ARGUMENTS);

const set = microSet(16, 5);
const options = { learningRate: 1e-3, maxGradNorm: 1, dropoutSeed: [1, 1] };

/** Texts `from` to `to` of the set, padded to T. */
function batch(from: number, to: number, T: number): LabelledBatch {
  const rows = Array.from({ length: to - from }, (_, i) => set.tokens.ids(from + i));
  const padded = collate(rows, { padTo: T, maxLength: T, padId: 0 });
  return { ...padded, labels: set.labels.slice(from, to) };
}

const step = (...micro: LabelledBatch[]) =>
  gpu.settle(trainStep(gpu, model, optimiser, micro, options));

describe("a steady training step", () => {
  it("makes one submit, no buffer, no bind group and no pipeline, with shapes taking turns", async () => {
    const shapes = [batch(0, 8, 32), batch(8, 13, 48)];
    for (let i = 0; i < 6; i++) await step(shapes[i % 2]!);
    const before = { ...gpu.calls, bytes: gpu.poolBytes };
    const STEPS = 8;
    for (let i = 0; i < STEPS; i++) await step(shapes[i % 2]!);
    const { submits, buffers, bindGroups, pipelines } = gpu.calls;
    expect({
      submits: submits - before.submits,
      buffers: buffers - before.buffers,
      bindGroups: bindGroups - before.bindGroups,
      pipelines: pipelines - before.pipelines,
      bytes: gpu.poolBytes - before.bytes,
    }).toEqual({ submits: STEPS, buffers: 0, bindGroups: 0, pipelines: 0, bytes: 0 });
  });

  it("makes nothing new either once packed batches of many sizes have passed", async () => {
    const random = new Random(3);
    const packed = (): LabelledBatch => {
      const from = random.int(8);
      const rows = Array.from({ length: 8 }, (_, i) =>
        set.tokens.ids(from + i).subarray(0, 3 + random.int(20)),
      );
      const labels = set.labels.slice(from, from + 8);
      return { ...collate(rows, { maxLength: 64, padId: 0 }), labels };
    };
    const sizes = new Set<number>();
    const many = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const each = packed();
        sizes.add(each.ids.length);
        await step(each);
      }
    };
    await many(40);
    const before = { ...gpu.calls, bytes: gpu.poolBytes };
    await many(40);
    expect(sizes.size).toBeGreaterThan(4);
    expect(gpu.calls.buffers - before.buffers).toBe(0);
    expect(gpu.calls.bindGroups - before.bindGroups).toBe(0);
    expect(gpu.poolBytes).toBe(before.bytes);
  });

  it("needs nothing new for an accumulated one, or for an evaluation batch, either", async () => {
    const micro = [batch(0, 4, 32), batch(4, 8, 32), batch(8, 10, 32)];
    const evaluate = () => gpu.settle(logitsOf(gpu, model, batch(0, 16, 32)));
    for (let i = 0; i < 3; i++) {
      await step(...micro);
      await evaluate();
    }
    const before = { ...gpu.calls };
    await step(...micro);
    expect(gpu.calls.submits - before.submits).toBe(3);
    await evaluate();
    expect(gpu.calls.submits - before.submits).toBe(4);
    expect(gpu.calls.buffers - before.buffers).toBe(0);
    expect(gpu.calls.bindGroups - before.bindGroups).toBe(0);
  });
});

describe("the result of a step", () => {
  it("is the same for a batch and for its halves accumulated", async () => {
    const plain = microModel(gpu, 1, { dropout: 0 });
    const still = { learningRate: 0, maxGradNorm: 1e-3, dropoutSeed: [1] };
    const other = new AdamW(gpu, plain.parameters, MICRO_ARGUMENTS);
    const resultOf = (...micro: LabelledBatch[]) =>
      gpu.settle(trainStep(gpu, plain, other, micro, still));
    const whole = await resultOf(batch(0, 8, 32));
    const halves = await resultOf(batch(0, 4, 32), batch(4, 8, 32));
    expect(whole.finite && halves.finite).toBe(true);
    expect(whole.loss).toBeCloseTo(Math.log(2), 1);
    expect(halves.loss).toBeCloseTo(whole.loss, 5);
    // The norm before clipping, which is to 0.001.
    expect(whole.gradientNorm).toBeGreaterThan(0.002);
    expect(halves.gradientNorm / whole.gradientNorm).toBeCloseTo(1, 4);
    other.destroy();
    plain.destroy();
  });

  it("tells of a loss that is no number, and the weights stay as they were", async () => {
    const part = model.parameters.parts[0]!;
    const values = await model.parameters.read();
    const { shape, data } = values.get(part.name)!;
    model.parameters.set(part.name, shape, Float32Array.from(data).fill(Infinity));
    const before = await weightsOf(gpu, model);
    const result = await step(batch(0, 8, 32));
    expect(result.finite).toBe(false);
    expect((await weightsOf(gpu, model)).equals(before)).toBe(true);
    model.parameters.set(part.name, shape, data);
    expect((await step(batch(0, 8, 32))).finite).toBe(true);
  });

  it("is a rejection, never a throw, for a batch the model has no place for", async () => {
    const wrong = collate([[2, 60_000, 3]], { maxLength: 8, padId: 0 });
    await expect(logitsOf(gpu, model, wrong)).rejects.toThrow(/token ids must be below/);
    await expect(step({ ...wrong, labels: Uint32Array.of(0) })).rejects.toThrow(ShapeError);
    await expect(step()).rejects.toThrow("trainStep: needs a micro-batch; got none.");
    expect((await step(batch(0, 8, 32))).finite).toBe(true);
  });
});
