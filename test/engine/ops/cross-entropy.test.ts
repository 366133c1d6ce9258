import { describe, expect, it } from "vitest";
import { crossEntropy } from "../../../engine/ops/cross-entropy.ts";
import * as reference from "../../reference/cross-entropy.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";
import { integers, normals } from "../../support/random.ts";

const gpu = await openTestGpu();
// exp has a relative error of 4e-6, and the sum of two of them goes into a logarithm.
const tolerance = { rtol: 2e-5, atol: 1e-5 };

function check(R: number, C: number, scale: number) {
  const labels = integers(R, R, C);
  return checkOp(gpu, {
    name: `crossEntropy, logits of ${scale}`,
    inputs: { logits: [R, C] },
    op: ({ logits }) => crossEntropy(gpu, logits, labels),
    forward: ({ logits }) => reference.crossEntropy(logits, labels),
    backward: ({ logits }, dy) => ({
      logits: reference.crossEntropyBackward(logits, labels, dy[0]!),
    }),
    values: (_, size) => normals(3, size, scale),
    tolerance,
    gradientTolerance: { ...tolerance, atol: tolerance.atol / R }, // each is a probability over R
  });
}

describe("crossEntropy", () => {
  it.each([
    [1, 2],
    [65, 2],
    [65, 5],
    [300, 5],
    [3, 100],
    [65_540, 2], // more rows than a dimension has workgroups
  ])("of %i rows and %i classes is the reference's", (R, C) => check(R, C, 2));

  it("stays finite and right for logits of ten thousands", () => check(65, 5, 3e4));

  it("refuses labels that are too many, too few or not a class", () => {
    const logits = gpu.empty([2, 3]);
    for (const labels of [[0], [0, 1, 2], [0, 3]]) {
      expect(() => crossEntropy(gpu, logits, Uint32Array.from(labels))).toThrow(
        `crossEntropy: 2 labels below 3 are needed for logits [2, 3]; got ${labels.join(", ")}.`,
      );
    }
  });

  it("refuses logits that are no matrix, whose axes it would take for rows and classes", () => {
    for (const shape of [[3], [3, 4, 2]]) {
      expect(() => crossEntropy(gpu, gpu.empty(shape), Uint32Array.of(0, 1, 2))).toThrow(
        `crossEntropy: logits must have two axes; got [${shape.join(", ")}].`,
      );
    }
  });
});
