import { describe, expect, it } from "vitest";
import { gatherRows } from "../../../engine/ops/gather-rows.ts";
import * as reference from "../../reference/gather-rows.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";

const gpu = await openTestGpu();
const exact = { rtol: 1e-6, atol: 2e-7 }; // copies; the second run adds to a gradient

describe("gatherRows", () => {
  it.each([
    [1, 1, [0]],
    [5, 3, [4, 0, 2]],
    [130, 70, [129, 64, 0, 65]],
  ])("of %i rows of %i takes %j and leaves the other rows' gradient 0", (R, C, picked) => {
    const rows = Uint32Array.from(picked);
    return checkOp(gpu, {
      name: "gatherRows",
      inputs: { x: [R, C] },
      op: ({ x }) => gatherRows(gpu, x, rows),
      forward: ({ x }) => reference.gatherRows(x, rows, C),
      backward: (_, dy) => ({ x: reference.gatherRowsBackward(dy, rows, R, C) }),
      tolerance: exact,
    });
  });

  it("refuses a row out of range or taken twice", () => {
    const x = gpu.empty([3, 2]);
    expect(() => gatherRows(gpu, x, Uint32Array.of(3))).toThrow(
      "distinct and below 3 for x [3, 2]; got 3",
    );
    expect(() => gatherRows(gpu, x, Uint32Array.of(1, 1))).toThrow("got 1, 1");
  });

  it("refuses an x that is no matrix", () => {
    expect(() => gatherRows(gpu, gpu.empty([3, 2, 4]), Uint32Array.of(1))).toThrow(
      "gatherRows: x must have two axes; got [3, 2, 4].",
    );
  });
});
