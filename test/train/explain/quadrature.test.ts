import { describe, expect, it } from "vitest";
import { POINTS, pointsOf } from "../../../train/explain/quadrature.ts";

const integral = (panel: { from: number; to: number }, f: (x: number) => number): number =>
  pointsOf(panel).reduce((sum, { at, weight }) => sum + weight * f(at), 0);

describe("the points of a panel", () => {
  const panel = { from: 0.25, to: 1 };

  it("integrate every power up to the 15th exactly, and no longer the 16th", () => {
    const error = (n: number): number => {
      const exact = (panel.to ** (n + 1) - panel.from ** (n + 1)) / (n + 1);
      return Math.abs(integral(panel, (x) => x ** n) / exact - 1);
    };
    for (let n = 0; n < 2 * POINTS; n++) expect(error(n), `x^${n}`).toBeLessThan(1e-14);
    expect(error(2 * POINTS)).toBeGreaterThan(1e-14);
  });

  it("lie inside it, and their weights add up to its width", () => {
    const points = pointsOf(panel);
    expect(points).toHaveLength(POINTS);
    expect(points.every(({ at }) => at > panel.from && at < panel.to)).toBe(true);
    expect(points.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(0.75, 15);
  });
});
