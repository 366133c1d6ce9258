// Long steps are submitted in parts, and nobody can see it in the values.

import { afterEach, describe, expect, it, vi } from "vitest";
import { add } from "../../engine/ops/add.ts";
import { attention, sequenceRows } from "../../engine/ops/attention.ts";
import { linear } from "../../engine/ops/linear.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import { FLOPS_PER_SUBMIT } from "../../engine/submission.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { parametersOf, project } from "../support/check-op.ts";
import { openCountedGpu } from "../support/counted-gpu.ts";
import { normals } from "../support/random.ts";

const { gpu, take } = await openCountedGpu();
afterEach(() => vi.restoreAllMocks());

/** Adds 1 to a number `times` times, each as if it were `flops` of work. */
function counted(times: number, flops: number): Tensor {
  const one = gpu.upload(Float32Array.of(1));
  let sum = gpu.upload(Float32Array.of(0));
  for (let i = 0; i < times; i++) {
    sum = add(gpu, sum, one);
    gpu.countFlops(flops);
  }
  return sum;
}

/** Calls of a step that adds `times` times, and what it read. */
async function run(times: number, flops: number) {
  take();
  const before = gpu.calls.submits;
  const value = gpu.step(`add ${times}`, () => gpu.readLater(counted(times, flops)));
  const { submit, createCommandEncoder, beginComputePass } = take();
  expect(gpu.calls.submits - before).toBe(submit);
  return { submit, createCommandEncoder, beginComputePass, value: (await gpu.settle(value))[0] };
}

describe("a step of much work", () => {
  it("is one submit below the limit, and one more each time it is reached", async () => {
    const whole = { submit: 1, createCommandEncoder: 1, beginComputePass: 1, value: 3 };
    expect(await run(3, 0.3 * FLOPS_PER_SUBMIT)).toEqual(whole);
    const parts = { submit: 3, createCommandEncoder: 3, beginComputePass: 3, value: 5 };
    expect(await run(5, 0.5 * FLOPS_PER_SUBMIT)).toEqual(parts);
    expect(await run(3, 0.3 * FLOPS_PER_SUBMIT)).toEqual(whole);
  });

  it("reads at its end, whenever it was asked to", async () => {
    const values = gpu.step("early read", () => {
      const sum = counted(1, 0);
      const early = gpu.readLater(sum);
      gpu.countFlops(FLOPS_PER_SUBMIT);
      const again = counted(2, FLOPS_PER_SUBMIT);
      return Promise.all([early, gpu.readLater(again)]);
    });
    expect((await gpu.settle(values)).map(([value]) => value)).toEqual([1, 2]);
  });

  it("does nothing for work that is only rehearsed, or for none", async () => {
    take();
    await gpu.rehearse(async () => void (await run(4, FLOPS_PER_SUBMIT)));
    gpu.countFlops(2 * FLOPS_PER_SUBMIT);
    expect(take().submit).toBe(0);
    expect(await run(1, 0)).toMatchObject({ submit: 1, value: 1 });
  });

  it("frees what it took when it throws half-way, and the next one is whole", async () => {
    const failing = (): Tensor => {
      counted(2, FLOPS_PER_SUBMIT);
      throw new Error("half-way");
    };
    expect(() => gpu.step("throws", failing)).toThrow("half-way");
    const { poolBuffers } = gpu;
    expect(() => gpu.step("throws", failing)).toThrow("half-way");
    expect(gpu.poolBuffers).toBe(poolBuffers);
    expect(await run(2, 0)).toMatchObject({ submit: 1, value: 2 });
  });
});

const set = parametersOf(gpu, { w: [24, 8], b: [24] });

/** The gradients of a projection and attention over two sequences of 3 and 5 rows. */
function gradients(key: string): Promise<Float32Array> {
  gpu.set(set.gradients, new Float32Array(set.size));
  return gpu.step(key, () => {
    const lengths = Uint32Array.of(3, 5);
    const rows = sequenceRows(gpu, Uint32Array.of(0, 3), lengths, lengths);
    gpu.tape.gradients(() => {
      const x = gpu.upload(normals(1, 64), [8, 8]);
      const qkv = linear(gpu, x, set.tensor("w"), set.tensor("b"));
      return project(gpu, attention(gpu, qkv, rows, 2), gpu.upload(normals(2, 64), [8, 8]));
    });
    return gpu.readLater(set.gradients);
  });
}

describe("what counts as work", () => {
  it("products: two operations for each of M N K, also where operands are copied first", async () => {
    const count = vi.spyOn(gpu, "countFlops");
    for (const layout of ["NN", "NT", "TN"] as const) {
      const [a, b] = [
        gpu.upload(normals(1, 64 * 64), [64, 64]),
        gpu.upload(normals(2, 64 * 64), [64, 64]),
      ];
      matmul(gpu, layout, a, b);
    }
    expect(count.mock.calls).toEqual([[2 * 64 ** 3], [2 * 64 ** 3], [2 * 64 ** 3]]);
    gpu.submit();
  });

  it("attention: two products of queries and keys forward, five backward", () => {
    const count = vi.spyOn(gpu, "countFlops");
    void gradients("attention");
    const product = 2 * 8 * 5 * 8; // rows, longest, H
    expect(count.mock.calls.map(([flops]) => flops)).toContain(2 * product);
    expect(count.mock.calls.map(([flops]) => flops)).toContain(5 * product);
  });

  it("a step in as many parts as there are products has the same gradients", async () => {
    const whole = gradients("gradients");
    take();
    const original = gpu.countFlops.bind(gpu);
    vi.spyOn(gpu, "countFlops").mockImplementation((flops) => original(flops * FLOPS_PER_SUBMIT));
    const parts = gradients("gradients");
    // Projection, attention and product, forward and back, the weight's alone, and what is left.
    expect(take().submit).toBe(7);
    expect(await gpu.settle(parts)).toEqual(await gpu.settle(whole));
  });
});
