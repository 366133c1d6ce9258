import { describe, expect, it } from "vitest";
import { linear } from "../../../engine/ops/linear.ts";
import * as reference from "../../reference/linear.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";

const gpu = await openTestGpu();
// Partial sums of up to 132 products of normal numbers reach about 15 and each step rounds by 6e-8 of that; the activation's
// gradient is off by up to 1e-6 in each of 132 terms of dx (see activation.test.ts).
const tolerance = { rtol: 1e-5, atol: 5e-5 };

describe("linear", () => {
  it.each([
    ["none", [1], 1],
    ["none", [3, 7], 2],
    ["none", [2, 65, 20], 12],
    ["gelu_new", [70, 36], 132],
    ["gelu_new", [5, 9], 3],
    ["gelu", [9, 8], 4],
    ["relu", [9, 8], 4],
    ["tanh", [9, 8], 4],
  ] as const)("%s on %j into %i is the reference's", (kind, shape, O) => {
    const I = shape.at(-1)!;
    return checkOp(gpu, {
      name: `linear ${kind}`,
      inputs: { x: shape, weight: [O, I], bias: [O] },
      op: ({ x, weight, bias }) => linear(gpu, x, weight, bias, kind),
      forward: (inputs) => reference.linear(inputs, kind),
      backward: (inputs, dy) => reference.linearBackward(inputs, dy, kind),
      tolerance,
    });
  });

  it("refuses a weight or bias that does not fit, naming it", () => {
    const x = gpu.empty([4, 6]);
    expect(() => linear(gpu, x, gpu.empty([3, 5]), gpu.empty([3]))).toThrow(
      "linear: weight must be [3, 6]; got [3, 5].",
    );
    expect(() => linear(gpu, x, gpu.empty([3, 6]), gpu.empty([6]))).toThrow(
      "linear: bias must be [3]; got [6].",
    );
  });
});
