import { describe, expect, it } from "vitest";
import { adamw, gradientNorm, type Moments } from "../../../engine/ops/adamw.ts";
import { add } from "../../../engine/ops/add.ts";
import { ParameterSet } from "../../../engine/parameters.ts";
import { Tensor } from "../../../engine/tensor.ts";
import * as reference from "../../reference/adamw.ts";
import { clipFactor, gradientNorm as referenceNorm } from "../../reference/gradient-norm.ts";
import { parametersOf, project } from "../../support/check-op.ts";
import { expectClose } from "../../support/close.ts";
import { openAsBothKinds, openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

const gpu = await openTestGpu();
/** Their sums differ in how they are divided. */
const ADAPTERS = await openAsBothKinds();
// Sums of squares in f32; a square root and a quotient per update.
const tolerance = { rtol: 1e-5, atol: 1e-7 };
const SETTINGS = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };

function momentsOf(size: number): Moments & { destroy: () => void } {
  const [m, v] = ["m", "v"].map((name) => new Tensor([size], gpu.persistent(name, size * 4)));
  return {
    m: m!,
    v: v!,
    destroy: () => [m!, v!].forEach((tensor) => tensor.buffer.gpu.destroy()),
  };
}

/** Two tensors that decay, of 70 and 100 values, and one of 33 that does not, with gaps between them. */
function smallSet(): ParameterSet {
  const spec = (name: string, size: number, decay: boolean) => ({
    [name]: { shape: [size], parts: [{ name, shape: [size] }], decay },
  });
  return new ParameterSet(gpu, {
    ...spec("bias", 33, false),
    ...spec("weight", 70, true),
    ...spec("other", 100, true),
  });
}

/** Gives the set values, and the reference the same. */
function begun(set: ParameterSet): reference.AdamWState {
  const values = new Float32Array(set.size);
  for (const [name, { data }] of set.split(values)) data.set(normals(name.length, data.length));
  gpu.set(set.values, values);
  const zeros = () => new Float64Array(set.size);
  return { p: Float64Array.from(values), m: zeros(), v: zeros() };
}

/** The set's gradients of the sum of some of its parameters. */
async function gradientsOf(set: ParameterSet, names: readonly string[]): Promise<Float32Array> {
  const forward = (): Tensor =>
    names
      .map((name) => set.tensor(name))
      .map((p) => project(gpu, p, gpu.upload(new Float32Array(p.size).fill(1))))
      .reduce((sum, loss) => add(gpu, sum, loss));
  gpu.step("gradients", () => void gpu.tape.gradients(forward));
  return gpu.read(set.gradients);
}

describe("gradientNorm", () => {
  it.each(
    ADAPTERS.flatMap((adapter) => [1, 127, 129, 70_000].map((size) => ({ ...adapter, size }))),
  )("measures $size values and clips by the limit, taken for $adapter", async ({ gpu, size }) => {
    const set = parametersOf(gpu, { p: [size] });
    const gradients = new Float32Array(set.size);
    gradients.set(normals(1, size));
    gpu.set(set.gradients, gradients);
    const norm = referenceNorm(gradients);
    for (const limit of [0, norm / 3, norm * 3]) {
      const state = await gpu.read(gradientNorm(gpu, set, limit));
      expectClose("state", state, [norm, clipFactor(norm, limit), 1, 1], tolerance);
    }
    set.destroy();
  });

  it("is 0 with factor 1 for no gradient at all", async () => {
    const set = parametersOf(gpu, { p: [100] });
    expect([...(await gpu.read(gradientNorm(gpu, set, 1)))]).toEqual([0, 1, 1, 1]);
    set.destroy();
  });

  it.each([NaN, Infinity, -Infinity, 1e30])(
    "calls a gradient with %d not finite, and adamw then changes nothing",
    async (bad) => {
      const set = parametersOf(gpu, { p: [300] });
      const moments = momentsOf(set.size);
      const [p, m, v] = [
        normals(1, set.size),
        normals(2, set.size),
        normals(3, set.size).map(Math.abs),
      ];
      gpu.set(set.values, p);
      gpu.set(moments.m, m);
      gpu.set(moments.v, v);
      const gradients = normals(4, set.size);
      gradients[257] = bad; // 1e30 squared is no f32
      gpu.set(set.gradients, gradients);
      const state = gradientNorm(gpu, set, 1);
      adamw(gpu, set, moments, state, 0.1, 1, SETTINGS);
      const [, factor, finite] = await gpu.read(state);
      expect([factor, finite]).toEqual([0, 0]);
      expect(await gpu.read(set.values)).toEqual(p);
      expect(await gpu.read(moments.m)).toEqual(m);
      expect(await gpu.read(moments.v)).toEqual(v);
      // Yet the gradients are used up, or the next step would add to them.
      const next = set.split(await gradientsOf(set, ["p"])).get("p")!;
      expect(next.data).toEqual(new Float32Array(300).fill(1));
      set.destroy();
      moments.destroy();
    },
  );
});

describe("adamw", () => {
  it("is the reference's over steps of changing rate, gradient and clipping, with decay where it applies", async () => {
    const set = smallSet();
    expect(set.decayed).toBe(128 + 128);
    const moments = momentsOf(set.size);
    const state = begun(set);
    const rates = [0, 0.3, 0.01, 0.002, 0.1];
    for (const [i, lr] of rates.entries()) {
      const gradients = new Float32Array(set.size);
      for (const { data } of set.split(gradients).values()) {
        data.set(normals(10 + i, data.length, i === 3 ? 1e-3 : 1)); // step 4 is below the limit
      }
      gpu.set(set.gradients, gradients);
      const norm = referenceNorm(gradients);
      gpu.step("adamw", () =>
        adamw(gpu, set, moments, gradientNorm(gpu, set, 1), lr, i + 1, SETTINGS),
      );
      const clipped = Float64Array.from(gradients, (g) => g * clipFactor(norm, 1));
      reference.adamw(state, clipped, lr, i + 1, SETTINGS, set.decayed);
      const at = `after step ${i + 1}`;
      expectClose(`m ${at}`, await gpu.read(moments.m), state.m, tolerance);
      expectClose(`v ${at}`, await gpu.read(moments.v), state.v, { rtol: 1e-5, atol: 1e-10 });
      // m / sqrt(v) carries the relative errors of both, times the rate.
      expectClose(`p ${at}`, await gpu.read(set.values), state.p, { rtol: 1e-5, atol: 3e-6 });
      // The next gradients are not added to what was used, and are zero where there is none.
      const next = set.split(await gradientsOf(set, ["weight", "bias"]));
      for (const [name, { data }] of next) {
        expect(data).toEqual(new Float32Array(data.length).fill(name === "other" ? 0 : 1));
      }
    }
    set.destroy();
    moments.destroy();
  });

  it("counts only the updates it makes, where it is given corrections", async () => {
    const set = smallSet();
    const moments = momentsOf(set.size);
    const corrections = new Tensor([2], gpu.persistent("corrections", 8));
    const state = begun(set);
    let made = 0;
    for (const [i, bad] of [true, true, false, true, false, false].entries()) {
      const gradients = new Float32Array(set.size);
      for (const { data } of set.split(gradients).values()) data.set(normals(10 + i, data.length));
      if (bad) gradients[5] = Infinity;
      gpu.set(set.gradients, gradients);
      const norm = gradientNorm(gpu, set, 0);
      adamw(gpu, set, { ...moments, corrections }, norm, 0.1, i + 1, SETTINGS);
      if (!bad) {
        reference.adamw(state, Float64Array.from(gradients), 0.1, ++made, SETTINGS, set.decayed);
      }
      const got = await gpu.read(set.values);
      expectClose(`p after step ${i + 1}`, got, state.p, { rtol: 1e-5, atol: 3e-6 });
    }
    const want = [1 - 0.9 ** made, 1 - 0.999 ** made];
    expectClose("corrections", await gpu.read(corrections), want, { rtol: 1e-6, atol: 0 });
    set.destroy();
    moments.destroy();
    corrections.buffer.gpu.destroy();
  });

  it("keeps corrections of 10,000 updates as exact as their use needs", async () => {
    const set = parametersOf(gpu, { p: [4] });
    const moments = momentsOf(set.size);
    const corrections = new Tensor([2], gpu.persistent("corrections", 8));
    gpu.set(set.gradients, new Float32Array(set.size).fill(1));
    const state = gradientNorm(gpu, set, 0);
    let done = 0;
    for (const until of [1, 100, 2000, 10_000]) {
      for (; done < until; done++) {
        adamw(gpu, set, { ...moments, corrections }, state, 0, 1, SETTINGS);
        if (done % 500 === 0) gpu.submit();
      }
      const [c1, c2] = await gpu.read(corrections);
      // Half an ulp an update, of which a thousandth is forgotten with each.
      expectClose("c1", [c1!], [1 - 0.9 ** done], { rtol: 1e-6, atol: 0 });
      expectClose("c2", [c2!], [1 - 0.999 ** done], { rtol: 6e-5, atol: 0 });
    }
    set.destroy();
    moments.destroy();
    corrections.buffer.gpu.destroy();
  });

  it("updates more values than one binding or one row of workgroups takes", async () => {
    // 2^24 values are one slice; the decay ends inside the second.
    const head = (1 << 24) + 64;
    const spec = (name: string, size: number, decay: boolean) => ({
      [name]: { shape: [size], parts: [{ name, shape: [size] }], decay },
    });
    const set = new ParameterSet(gpu, { ...spec("a", head, true), ...spec("b", 100, false) });
    const moments = momentsOf(set.size);
    const gradients = new Float32Array(set.size).fill(0.001);
    const values = new Float32Array(set.size).fill(1);
    gpu.set(set.gradients, gradients);
    gpu.set(set.values, values);
    const state = gradientNorm(gpu, set, 0);
    adamw(gpu, set, moments, state, 0.01, 1, SETTINGS);
    const [norm] = await gpu.read(state);
    // Each of 32,768 threads adds 512 squares, rounding by 6e-8 a step.
    expectClose("norm", [norm!], [Math.sqrt(set.size) * 0.001], { rtol: 1e-4, atol: 0 });
    const p = await gpu.read(set.values);
    const want = { p: Float64Array.of(1, 1), m: new Float64Array(2), v: new Float64Array(2) };
    reference.adamw(want, Float64Array.of(0.001, 0.001), 0.01, 1, SETTINGS, 1);
    const [decays, keeps] = want.p;
    const places = [0, 65_535 * 64, (1 << 24) - 1, 1 << 24, head - 1, head, set.size - 1];
    const got = places.map((at) => p[at]!);
    expectClose(
      "p",
      got,
      places.map((at) => (at < head ? decays! : keeps!)),
      { rtol: 1e-6, atol: 0 },
    );
    expect(new Set(p.subarray(0, head)).size).toBe(1);
    expect(new Set(p.subarray(head)).size).toBe(1);
    set.destroy();
    moments.destroy();
  });

  it("refuses moments of another length, and step 0, whose correction would divide by zero", () => {
    const set = smallSet();
    const [whole, short] = [momentsOf(set.size), momentsOf(set.size - 1)];
    const state = gradientNorm(gpu, set, 1);
    const update = (moments: Moments, step: number) => () =>
      adamw(gpu, set, moments, state, 0.1, step, SETTINGS);
    expect(update({ ...whole, v: short.v }, 1)).toThrow(
      `adamw: v must be [${set.size}]; got [${set.size - 1}].`,
    );
    expect(update(whole, 0)).toThrow("adamw: step must be an integer from 1 on; got 0.");
    for (const owner of [set, whole, short]) owner.destroy();
  });
});
