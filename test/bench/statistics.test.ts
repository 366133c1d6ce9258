import { describe, expect, it } from "vitest";
import { iqr, median, quantile } from "../../bench/statistics.ts";

describe("statistics", () => {
  it("take the middle of an odd number of values in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it("interpolate between neighbours", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([10, 20], 0.25)).toBe(12.5);
  });

  it("give the smallest and largest value at the ends", () => {
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([3, 1, 2], 1)).toBe(3);
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

  it("refuse an empty list", () => {
    expect(() => median([])).toThrow("at least one value is needed; got none");
  });
});
