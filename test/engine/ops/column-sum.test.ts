import { describe, expect, it } from "vitest";
import { columnSumInto } from "../../../engine/ops/column-sum.ts";
import { columnSum } from "../../reference/column-sum.ts";
import { expectClose } from "../../support/close.ts";
import { openAsBothKinds } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

/** A GPU's second stage divides rows among threads, a software adapter's does not. */
const ADAPTERS = await openAsBothKinds();
const tolerance = { rtol: 1e-5, atol: 3e-5 }; // sums of up to 2,500 normal numbers

describe.each(ADAPTERS)("columnSumInto, the adapter taken for $adapter", ({ gpu }) => {
  it.each([[[1, 1]], [[64, 64]], [[65, 3]], [[2, 100, 130]], [[1000, 5]], [[2500, 68]]])(
    "sums the columns of %j over what was there, or on top of it",
    async (shape) => {
      const C = shape.at(-1)!;
      const x = normals(
        1,
        shape.reduce((product, side) => product * side, 1),
      );
      const before = normals(2, C);
      const reads = gpu.step(`column sum ${shape.join(" ")}`, () => {
        const [stored, added] = [gpu.upload(before), gpu.upload(before)];
        columnSumInto(gpu, gpu.upload(x, shape), stored, false);
        columnSumInto(gpu, gpu.upload(x, shape), added, true);
        return [gpu.readLater(stored), gpu.readLater(added)] as const;
      });
      const want = columnSum(Float64Array.from(x), C);
      expectClose("columnSum", await gpu.settle(reads[0]), want, tolerance);
      const sum = want.map((value, c) => value + before[c]!);
      expectClose("columnSum added", await gpu.settle(reads[1]), sum, tolerance);
    },
  );

  it("refuses a y that is not one row", () => {
    expect(() => columnSumInto(gpu, gpu.empty([5, 3]), gpu.empty([2]), false)).toThrow(
      "columnSum: y must be [3]; got [2].",
    );
  });
});
