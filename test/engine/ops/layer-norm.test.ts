import { describe, expect, it } from "vitest";
import { layerNorm } from "../../../engine/ops/layer-norm.ts";
import * as reference from "../../reference/layer-norm.ts";
import { checkOp } from "../../support/check-op.ts";
import { openAsBothKinds, openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

const gpu = await openTestGpu();
/** A GPU divides rows among threads, a software adapter does not. */
const ADAPTERS = await openAsBothKinds();
// Means over up to 3,072 values round by 6e-8 a step; gradients of gamma and beta are sums over up to 200 rows.
const tolerance = { rtol: 2e-5, atol: 2e-5 };
const eps = 1e-12;

const SHAPES = [
  [1, 3],
  [64, 64],
  [65, 65],
  [2, 100, 7],
  [3, 768],
  [2, 3072],
] as const;

describe.each(ADAPTERS)("layerNorm, the adapter taken for $adapter", ({ gpu }) => {
  it.each(SHAPES.map((shape) => [shape]))("%j is the reference's", (shape) => {
    const C = shape.at(-1)!;
    return checkOp(gpu, {
      name: "layerNorm",
      inputs: { x: shape, gamma: [C], beta: [C] },
      op: ({ x, gamma, beta }) => layerNorm(gpu, x, gamma, beta, eps),
      forward: (inputs) => reference.layerNorm(inputs, eps),
      backward: (inputs, dy) => reference.layerNormBackward(inputs, dy, eps),
      tolerance,
    });
  });

  it.each(SHAPES.map((shape) => [shape]))("%j plus a residual is the reference's", (shape) => {
    const C = shape.at(-1)!;
    return checkOp(gpu, {
      name: "layerNorm with residual",
      inputs: { x: shape, gamma: [C], beta: [C], residual: shape },
      op: ({ x, gamma, beta, residual }) => layerNorm(gpu, x, gamma, beta, eps, residual),
      forward: (inputs) => reference.layerNorm(inputs, eps),
      backward: (inputs, dy) => {
        const d = reference.layerNormBackward(inputs, dy, eps);
        return { ...d, residual: d.x };
      },
      tolerance,
    });
  });
});

describe("layerNorm", () => {
  it("gives both uses of one tensor as x and residual their gradient", () =>
    checkOp(gpu, {
      name: "layerNorm of x + x",
      inputs: { x: [5, 9], gamma: [9], beta: [9] },
      op: ({ x, gamma, beta }) => layerNorm(gpu, x, gamma, beta, eps, x),
      forward: (inputs) => reference.layerNorm({ ...inputs, residual: inputs.x }, eps),
      backward: (inputs, dy) => {
        const d = reference.layerNormBackward({ ...inputs, residual: inputs.x }, dy, eps);
        return { ...d, x: d.x.map((value) => 2 * value) };
      },
      tolerance,
    }));

  it("turns rows of one column into beta, and gives x no gradient", async () => {
    // The variance is 0 exactly, and 1 / sigma a million: any rounding of the mean would show.
    await checkOp(gpu, {
      name: "layerNorm of one column",
      inputs: { x: [70, 1], gamma: [1], beta: [1] },
      op: ({ x, gamma, beta }) => layerNorm(gpu, x, gamma, beta, eps),
      forward: ({ x, beta }) => x.map(() => beta[0]!),
      backward: ({ x }, dy) => ({
        x: x.map(() => 0),
        gamma: Float64Array.of(0),
        beta: Float64Array.of(dy.reduce((sum, value) => sum + value, 0)),
      }),
      tolerance,
    });
  });

  it("keeps its precision where the mean is a thousand times the deviation", () =>
    // x itself is rounded by 6e-8 of 1,000 before the op sees it, the mean by as much, so 1e-4 of a deviation is what is left.
    checkOp(gpu, {
      name: "layerNorm far from zero",
      inputs: { x: [4, 300], gamma: [300], beta: [300] },
      op: ({ x, gamma, beta }) => layerNorm(gpu, x, gamma, beta, eps),
      forward: (inputs) => reference.layerNorm(inputs, eps),
      backward: (inputs, dy) => reference.layerNormBackward(inputs, dy, eps),
      values: (name, size) => normals(7, size).map((value) => value + (name === "x" ? 1000 : 0)),
      tolerance: { rtol: 1e-4, atol: 1e-3 },
    }));

  it("refuses parameters and residuals that do not fit, naming them", () => {
    const [x, four, five] = [gpu.empty([3, 4]), gpu.empty([4]), gpu.empty([5])];
    expect(() => layerNorm(gpu, x, five, four, eps)).toThrow(
      "layerNorm: gamma must be [4]; got [5].",
    );
    expect(() => layerNorm(gpu, x, four, five, eps)).toThrow(
      "layerNorm: beta must be [4]; got [5].",
    );
    expect(() => layerNorm(gpu, x, four, four, eps, gpu.empty([4, 3]))).toThrow(
      "layerNorm: residual must be [3, 4]; got [4, 3].",
    );
  });
});
