// A dimension of a dispatch holds 65,535 workgroups; longer ones are folded into two. The last rows must be reached.

import { describe, it } from "vitest";
import type { Tensor } from "../../../engine/tensor.ts";
import { activation } from "../../../engine/ops/activation.ts";
import { add } from "../../../engine/ops/add.ts";
import { dropout } from "../../../engine/ops/dropout.ts";
import { gatherRows } from "../../../engine/ops/gather-rows.ts";
import { layerNorm } from "../../../engine/ops/layer-norm.ts";
import * as activationReference from "../../reference/activation.ts";
import { keepFactor } from "../../reference/dropout.ts";
import * as layerNormReference from "../../reference/layer-norm.ts";
import { parametersOf, project } from "../../support/check-op.ts";
import { expectClose } from "../../support/close.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

const gpu = await openTestGpu();
const tolerance = { rtol: 1e-5, atol: 1e-5 };

/** Values spread over [-1, 1), cheap to make. */
const spread = (n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.imul(i, 0x9e3779b1) / 2 ** 31);

/**
 * Runs `op` on x: [R, C] and checks the rows around the fold and the last, and their gradients: with few rows picked, the
 * reference needs them alone.
 */
async function expectRows(
  name: string,
  R: number,
  C: number,
  op: (x: Tensor) => Tensor,
  forward: (row: Float64Array, r: number) => Float64Array,
  backward: (row: Float64Array, dy: Float64Array, r: number) => Float64Array,
): Promise<void> {
  const picked = Uint32Array.of(0, 32_767, 32_768, 65_534, 65_535, R - 1);
  const values = spread(R * C);
  const set = parametersOf(gpu, { x: [R, C] });
  set.set("x", [R, C], values);
  const weights = normals(1, picked.length * C);
  const reads = gpu.step(name, () => {
    const w = gpu.upload(weights, [picked.length, C]);
    const y = gpu.readLater(gatherRows(gpu, op(set.tensor("x")), picked));
    gpu.tape.gradients(() => project(gpu, gatherRows(gpu, op(set.tensor("x")), picked), w), 0.7);
    return { y, gradients: gpu.readLater(set.gradients) };
  });
  const y = await gpu.settle(reads.y);
  const dx = await gpu.settle(reads.gradients);
  set.destroy();
  picked.forEach((r, at) => {
    const row = Float64Array.from(values.subarray(r * C, (r + 1) * C));
    const dy = Float64Array.from(weights.subarray(at * C, (at + 1) * C), (w) => 0.7 * w);
    expectClose(`${name} row ${r}`, y.subarray(at * C, (at + 1) * C), forward(row, r), tolerance);
    const got = dx.subarray(r * C, (r + 1) * C);
    expectClose(`${name} backward row ${r}`, got, backward(row, dy, r), tolerance);
  });
}

describe("past 65,535 workgroups", () => {
  const R = 66_000; // times 64 columns: one workgroup a row
  const C = 64;

  it("add reaches the last element, forward and backward", () =>
    expectRows(
      "add",
      R,
      C,
      (x) => add(gpu, x, x),
      (row) => row.map((v) => 2 * v),
      (_, dy) => dy.map((v) => 2 * v),
    ));

  it("activation does", () =>
    expectRows(
      "relu",
      R,
      C,
      (x) => activation(gpu, x, "relu"),
      (row) => activationReference.activation("relu", row),
      (row, dy) => activationReference.activationBackward("relu", row, dy),
    ));

  it("dropout does, with the right counters", () => {
    const key = { key0: 3, key1: 4 };
    const masked = (row: Float64Array, r: number) =>
      row.map((v, c) => v * keepFactor(0.5, key, r * C + c));
    return expectRows(
      "dropout",
      R,
      C,
      (x) => dropout(gpu, x, 0.5, key),
      masked,
      (_, dy, r) => masked(dy, r),
    );
  });

  it("layerNorm does", () => {
    const [gamma, beta] = [normals(2, 4), normals(3, 4)];
    const of = (x: Float64Array) => ({
      x,
      gamma: Float64Array.from(gamma),
      beta: Float64Array.from(beta),
    });
    return expectRows(
      "layerNorm",
      R,
      4,
      (x) => layerNorm(gpu, x, gpu.upload(gamma), gpu.upload(beta), 1e-12),
      (row) => layerNormReference.layerNorm(of(row), 1e-12),
      (row, dy) => layerNormReference.layerNormBackward(of(row), dy, 1e-12).x,
    );
  });
});
