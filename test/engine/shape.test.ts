import { describe, expect, it } from "vitest";
import { ShapeError } from "../../engine/errors.ts";
import {
  elementCount,
  expectShape,
  format,
  rowsAndColumns,
  sameShape,
} from "../../engine/shape.ts";

describe("shapes", () => {
  it("count their elements and print outermost first", () => {
    expect(elementCount([2, 3, 4])).toBe(24);
    expect(elementCount([1])).toBe(1);
    expect(format([8, 128, 768])).toBe("[8, 128, 768]");
  });

  it("are the same only with the same axes in the same order", () => {
    expect(sameShape([2, 3], [2, 3])).toBe(true);
    for (const other of [[3, 2], [6], [2, 3, 1], [2]]) expect(sameShape([2, 3], other)).toBe(false);
  });

  it("split into rows and columns at the last axis", () => {
    expect(rowsAndColumns([2, 3, 4])).toEqual({ R: 6, C: 4 });
    expect(rowsAndColumns([5])).toEqual({ R: 1, C: 5 });
  });

  it("are refused with what was wanted and what came", () => {
    expect(() => expectShape("linear: bias", [3], [4])).toThrow(
      new ShapeError("linear: bias must be [4]; got [3]."),
    );
    expect(() => expectShape("linear: bias", [4], [4])).not.toThrow();
  });
});
