import { expect, it } from "vitest";
import { quantile } from "../../train/quantile.ts";

it("a quantile lies between neighbours in proportion, as numpy.quantile's does", () => {
  const values = [1, 2, 4, 8, 16, 32];
  // numpy.quantile([1, 2, 4, 8, 16, 32], q), numpy 2
  const wanted = { 0: 1, 0.25: 2.5, 0.5: 6, 0.9: 24, 0.95: 28, 1: 32 };
  for (const [q, value] of Object.entries(wanted))
    expect(quantile(values, Number(q))).toBeCloseTo(value, 12);
  expect(quantile([7], 0.5)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});
