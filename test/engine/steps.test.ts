// A step of the same shape makes nothing anew: the same buffers in the same order, so every bind group is known. What
// changes from step to step must still change.

import { describe, expect, it } from "vitest";
import { DeviceError } from "../../engine/errors.ts";
import { adamw, gradientNorm } from "../../engine/ops/adamw.ts";
import { add } from "../../engine/ops/add.ts";
import { columnSumInto } from "../../engine/ops/column-sum.ts";
import { crossEntropy } from "../../engine/ops/cross-entropy.ts";
import { dropout } from "../../engine/ops/dropout.ts";
import { layerNorm } from "../../engine/ops/layer-norm.ts";
import { linear } from "../../engine/ops/linear.ts";
import { Tensor } from "../../engine/tensor.ts";
import * as reference from "../reference/adamw.ts";
import { dropoutMask } from "../reference/dropout.ts";
import { parametersOf } from "../support/check-op.ts";
import { expectClose } from "../support/close.ts";
import { openCountedGpu } from "../support/counted-gpu.ts";
import { integers, normals } from "../support/random.ts";

const { gpu, take } = await openCountedGpu();
const C = 8;

/** Two layers with dropout and a norm, and an optimiser: forward, backward and update in one step of `R` rows. */
function trainer() {
  const shapes = { w1: [C, C], b1: [C], gamma: [C], beta: [C], w2: [3, C], b2: [3] };
  const set = parametersOf(gpu, shapes);
  const values = normals(1, set.size);
  gpu.set(set.values, values);
  const moments = (["m", "v"] as const).map(
    (name) => new Tensor([set.size], gpu.persistent(name, set.size * 4)),
  );
  let steps = 0;
  const step = (R: number, lr: number, seed: number) =>
    gpu.step(`rows ${R}`, () => {
      const p = (name: keyof typeof shapes): Tensor => set.tensor(name);
      const loss = gpu.tape.gradients(() => {
        const x = gpu.upload(normals(10 + seed, R * C), [R, C]);
        const h = linear(gpu, x, p("w1"), p("b1"), "gelu_new");
        const d = dropout(gpu, h, 0.3, { key0: seed, key1: 0 });
        const n = layerNorm(gpu, d, p("gamma"), p("beta"), 1e-12, x);
        return crossEntropy(gpu, linear(gpu, n, p("w2"), p("b2")), integers(seed, R, 3));
      });
      const state = gradientNorm(gpu, set, 1);
      const [m, v] = moments;
      const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };
      adamw(gpu, set, { m: m!, v: v! }, state, lr, ++steps, settings);
      return gpu.readLater(loss);
    });
  return { set, step };
}

const STEADY = {
  createBuffer: 0,
  createBindGroup: 0,
  createComputePipeline: 0,
  createCommandEncoder: 1,
  beginComputePass: 1,
  submit: 1,
};

describe("a step that has run before", () => {
  it("makes no buffer, bind group or pipeline, and one encoder, pass and submit, two shapes in turn too", async () => {
    const { step } = trainer();
    await gpu.settle(step(5, 0.1, 1));
    await gpu.settle(step(70, 0.1, 2));
    await gpu.settle(step(5, 0.1, 3));
    await gpu.settle(step(70, 0.1, 4));
    for (const [i, R] of [5, 5, 70, 5, 70, 70].entries()) {
      const before = { ...gpu.calls };
      take();
      const loss = step(R, 0.1, 5 + i);
      expect(take()).toEqual(STEADY);
      // The engine's own counters say the same.
      const { dispatches, writes, ...calls } = gpu.calls;
      expect(calls).toEqual({
        submits: before.submits + 1,
        buffers: before.buffers,
        bindGroups: before.bindGroups,
        pipelines: before.pipelines,
      });
      expect(dispatches).toBeGreaterThan(before.dispatches);
      expect(writes - before.writes).toBe(2); // inputs and labels
      await gpu.settle(loss);
    }
  });

  it("holds no more memory after a hundred steps of three shapes than after the first three", async () => {
    const { step } = trainer();
    for (const R of [3, 40, 9]) await gpu.settle(step(R, 0.1, R));
    const { poolBytes, poolBuffers } = gpu;
    for (let i = 0; i < 100; i++) await gpu.settle(step([3, 40, 9][i % 3]!, 0.1, i));
    expect([gpu.poolBytes, gpu.poolBuffers]).toEqual([poolBytes, poolBuffers]);
  });

  it("follows a learning rate and step number that change", async () => {
    const set = parametersOf(gpu, { p: [4] });
    const [m, v] = (["m", "v"] as const).map(
      (name) => new Tensor([set.size], gpu.persistent(name, set.size * 4)),
    );
    const state = {
      p: new Float64Array(set.size),
      m: new Float64Array(set.size),
      v: new Float64Array(set.size),
    };
    const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };
    const gradients = normals(3, set.size);
    for (const [i, lr] of [0.5, 0, 0.25, 0.125, 1].entries()) {
      gpu.set(set.gradients, gradients);
      gpu.step("update", () =>
        adamw(gpu, set, { m: m!, v: v! }, gradientNorm(gpu, set, 0), lr, i + 1, settings),
      );
      reference.adamw(state, Float64Array.from(gradients), lr, i + 1, settings, 0);
      const values = await gpu.read(set.values);
      expectClose(`step ${i + 1}`, values, state.p, { rtol: 1e-5, atol: 1e-6 });
    }
  });

  it("follows a dropout key and inputs that change", async () => {
    const run = async (value: number, key0: number) => {
      const y = gpu.step("masked", () => {
        const x = gpu.upload(new Float32Array(100).fill(value));
        return gpu.readLater(dropout(gpu, x, 0.5, { key0, key1: 9 }));
      });
      const want = dropoutMask(100, 0.5, { key0, key1: 9 }).map((keep) => keep * value);
      expectClose(`key ${key0}`, await gpu.settle(y), want, { rtol: 0, atol: 0 });
    };
    for (const [i, key0] of [1, 2, 3, 2, 1].entries()) await run(i + 1, key0);
  });
});

describe("a step", () => {
  it("keeps what was uploaded first from a later upload of the same size, before and after a release", async () => {
    const [a, b] = gpu.step("uploads", () => {
      const first = gpu.upload(new Float32Array(8).fill(1));
      const y1 = dropout(gpu, first, 0.5, { key0: 1, key1: 1 });
      gpu.release(first);
      const second = gpu.upload(new Float32Array(8).fill(10));
      const y2 = dropout(gpu, second, 0.5, { key0: 1, key1: 1 });
      return [gpu.readLater(y1), gpu.readLater(y2)] as const;
    });
    const mask = dropoutMask(8, 0.5, { key0: 1, key1: 1 });
    expect([...(await gpu.settle(a))]).toEqual([...mask]);
    expect([...(await gpu.settle(b))]).toEqual(Array.from(mask, (keep) => 10 * keep));
  });

  it("gives a result that depends on nothing left by the step before", async () => {
    const run = (R: number) => {
      const fresh = trainer();
      return gpu.settle(fresh.step(R, 0.1, 1));
    };
    const first = await run(33);
    await run(64);
    expect(await run(33)).toEqual(first);
  });

  it("leaves alone what was made before it: uploads, and what a scope hands on", async () => {
    const x = gpu.upload(Float32Array.of(1, 2, 3));
    const y = gpu.empty([3]);
    gpu.set(y, Float32Array.of(10, 20, 30));
    for (let i = 0; i < 3; i++) {
      const values = gpu.step("before", () => {
        // As many as there are free buffers of this size: one of them would be x's or y's.
        const others = Array.from({ length: 20 }, () => gpu.upload(new Float32Array(3).fill(7)));
        const sum = add(gpu, others[0]!, others[19]!);
        return gpu.readLater(
          add(
            gpu,
            sum,
            add(
              gpu,
              x,
              gpu.scope(() => y),
            ),
          ),
        );
      });
      expect([...(await gpu.settle(values))]).toEqual([25, 36, 47]);
    }
    for (const tensor of [x, y]) gpu.release(tensor);
  });

  it("takes no more memory for inputs that are uploaded before each and released after it", async () => {
    const once = () => {
      const x = gpu.upload(Float32Array.of(1, 2, 3));
      const values = gpu.step("inputs", () => gpu.readLater(add(gpu, x, x)));
      gpu.release(x);
      return gpu.settle(values);
    };
    await once();
    const { poolBuffers } = gpu;
    for (let i = 0; i < 10; i++) await once();
    expect(gpu.poolBuffers).toBe(poolBuffers);
  });

  it("ends the life of what was made in it: later uses are refused", async () => {
    const y = gpu.step("ends", () => {
      const x = gpu.upload(Float32Array.of(1, 2, 3));
      return add(gpu, x, x);
    });
    await expect(gpu.read(y)).rejects.toThrow(/readLater, before they end/);
    expect(() => gpu.step("later", () => add(gpu, y, y))).toThrow(DeviceError);
  });

  it("does not nest", () => {
    expect(() => gpu.step("outer", () => gpu.step("inner", () => undefined))).toThrow(
      "gpu.step: steps do not nest",
    );
  });

  it("that fails gives its buffers back, so that the next run makes none", async () => {
    const run = (fail: boolean) =>
      gpu.step("may fail", () => {
        // Of a size no other test leaves free buffers of.
        const x = gpu.upload(new Float32Array(1 << 16).fill(1));
        return gpu.readLater(
          gpu.scope(() => {
            const y = dropout(gpu, x, 0.5, { key0: 1, key1: 1 });
            if (fail) throw new Error("on purpose");
            return dropout(gpu, y, 0.5, { key0: 2, key1: 1 });
          }),
        );
      });
    const want = await gpu.settle(run(false));
    const { poolBuffers } = gpu;
    for (let i = 0; i < 3; i++) expect(() => run(true)).toThrow("on purpose");
    expect(await gpu.settle(run(false))).toEqual(want);
    expect(gpu.poolBuffers).toBe(poolBuffers);
  });

  it("that fails does none of its work, now or later", async () => {
    const set = parametersOf(gpu, { p: [4] });
    const ones = (): Tensor => gpu.upload(new Float32Array(4).fill(1), [4]);
    const grow = (fail: boolean) =>
      gpu.step("grow", () => {
        columnSumInto(gpu, ones(), set.tensor("p"), true);
        if (fail) throw new Error("on purpose");
      });
    grow(false);
    expect(() => grow(true)).toThrow("on purpose");
    grow(false);
    expect([...(await gpu.read(set.tensor("p")))]).toEqual([2, 2, 2, 2]);
  });
});
