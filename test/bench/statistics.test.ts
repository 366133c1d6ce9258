import { describe, expect, it } from "vitest";
import { iqr, median } from "../../bench/statistics.ts";

describe("statistics", () => {
  it("take the middle of an odd number of values in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it("interpolate between neighbours", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(iqr([10, 20])).toBe(5);
  });

  it("ignore one far value in the distance between the quartiles", () => {
    expect(iqr([1, 2, 3, 4, 5])).toBe(2);
    expect(iqr([1, 2, 3, 4, 5000])).toBe(2);
  });

  it("leave the values as they were", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("of none are no number", () => {
    expect(median([])).toBeNaN();
  });
});
