import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../engine/errors.ts";
import { add } from "../../../engine/ops/add.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";

const gpu = await openTestGpu();
const exact = { rtol: 1e-6, atol: 2e-7 }; // each sum is rounded once

describe("add", () => {
  it.each([[[1]], [[7, 9]], [[64]], [[5, 13, 17]]])(
    "adds two tensors %j and gives both dy",
    (shape) =>
      checkOp(gpu, {
        name: "add",
        inputs: { a: shape, b: shape },
        op: ({ a, b }) => add(gpu, a, b),
        forward: ({ a, b }) => a.map((value, i) => value + b[i]!),
        backward: (_, dy) => ({ a: dy, b: dy }),
        tolerance: exact,
      }),
  );

  it("gives twice dy to a tensor that is added to itself", () =>
    checkOp(gpu, {
      name: "add to itself",
      inputs: { a: [70] },
      op: ({ a }) => add(gpu, a, a),
      forward: ({ a }) => a.map((value) => 2 * value),
      backward: (_, dy) => ({ a: dy.map((value) => 2 * value) }),
      tolerance: exact,
    }));

  it("refuses tensors of two shapes, naming both", () => {
    expect(() => add(gpu, gpu.empty([2, 3]), gpu.empty([3, 2]))).toThrow(
      new ShapeError("add: b must be [2, 3]; got [3, 2]."),
    );
  });
});
