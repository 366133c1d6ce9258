import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { classificationMetrics } from "../../train/metrics.ts";
import { discordant, f1DifferenceInterval, mcnemar } from "../../train/significance.ts";

interface Golden {
  cases: { onlyFirst: number; onlySecond: number; exact: number }[];
}
const file = new URL("fixtures/mcnemar.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;

describe("McNemar's test", () => {
  it.each(golden.cases)("has statsmodels' p for $onlyFirst against $onlySecond", (wanted) => {
    expect(Math.abs(mcnemar(wanted) - wanted.exact)).toBeLessThan(1e-10 * wanted.exact);
  });

  it("does not mind which is the first", () => {
    expect(mcnemar({ onlyFirst: 4, onlySecond: 12 })).toBe(
      mcnemar({ onlyFirst: 12, onlySecond: 4 }),
    );
  });

  it("counts the examples one alone has right", () => {
    const found = discordant([0, 1, 2, 0, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0]);
    expect(found).toEqual({ onlyFirst: 2, onlySecond: 1 });
  });
});

describe("the interval of an F1 difference", () => {
  /** Labels of K classes and two classifiers that are right with these chances. */
  function drawn(n: number, K: number, chances: readonly [number, number], seed = 1) {
    const random = new Random(seed);
    const labels = Array.from({ length: n }, () => random.int(K));
    const said = chances.map((chance) =>
      labels.map((label) => (random.uniform() < chance ? label : random.int(K))),
    );
    return [labels, said[0]!, said[1]!] as const;
  }
  const how = { seed: 42, resamples: 1000, confidence: 0.95 };

  it.each([2, 4])(
    "lies about the difference, and is that of the same resamples one by one",
    async (K) => {
      const [labels, first, second] = drawn(200, K, [0.9, 0.8]);
      const { low, high } = await f1DifferenceInterval(labels, first, second, { ...how, K });
      const f1 = (predictions: number[], of = labels): number =>
        classificationMetrics(of, predictions, K).f1;
      const difference = f1(first) - f1(second);
      expect(low).toBeLessThan(difference);
      expect(high).toBeGreaterThan(difference);
      const random = new Random(how.seed);
      const differences = Array.from({ length: how.resamples }, () => {
        const rows = labels.map(() => random.int(labels.length));
        const pick = (values: number[]) => rows.map((row) => values[row]!);
        return f1(pick(first), pick(labels)) - f1(pick(second), pick(labels));
      }).sort((a, b) => a - b);
      // 2.5 % of 999 is 24.975.
      const between = (at: number, share: number) =>
        differences[at]! + share * (differences[at + 1]! - differences[at]!);
      expect(low).toBeCloseTo(between(24, 0.975), 12);
      expect(high).toBeCloseTo(between(974, 0.025), 12);
    },
  );

  it("refuses lists of other lengths, empty ones, and classes that are none", async () => {
    const options = { ...how, K: 2 };
    const interval = (...lists: [number[], number[], number[]]) =>
      expect(f1DifferenceInterval(...lists, options)).rejects;
    await interval([0, 1], [0], [0, 1]).toThrow("must be as many");
    await interval([], [], []).toThrow("at least one");
    await interval([0, 1], [0, 1], [0, 2]).toThrow(
      "significance: classes must be below 2; got 1 and 2.",
    );
    expect(() => discordant([0, 1], [0], [0, 1])).toThrow("must be as many");
  });

  it("takes as long for a thousand classes as for two, about", async () => {
    const seconds: number[] = [];
    for (const K of [2, 1000]) {
      const drawnOf = drawn(2000, K, [0.9, 0.8]);
      const start = performance.now();
      await f1DifferenceInterval(...drawnOf, { ...how, K });
      seconds.push((performance.now() - start) / 1000);
    }
    expect(seconds[1]).toBeLessThan(10 * seconds[0]! + 1);
  });

  it("is the same for the same seed, another for another, and the mirror image for the pair swapped", async () => {
    const [labels, first, second] = drawn(300, 2, [0.9, 0.85]);
    const interval = await f1DifferenceInterval(labels, first, second, { ...how, K: 2 });
    expect(await f1DifferenceInterval(labels, first, second, { ...how, K: 2 })).toEqual(interval);
    const other = await f1DifferenceInterval(labels, first, second, { ...how, K: 2, seed: 7 });
    expect(other).not.toEqual(interval);
    const swapped = await f1DifferenceInterval(labels, second, first, { ...how, K: 2 });
    expect(swapped.low).toBeCloseTo(-interval.high, 12);
    expect(swapped.high).toBeCloseTo(-interval.low, 12);
  });

  it("holds 0 for two classifiers that are as good in about 95 of 100 draws", async () => {
    let held = 0;
    for (let seed = 0; seed < 100; seed++) {
      const [labels, first, second] = drawn(150, 2, [0.8, 0.8], seed);
      const options = { ...how, K: 2, resamples: 300 };
      const { low, high } = await f1DifferenceInterval(labels, first, second, options);
      if (low <= 0 && high >= 0) held++;
    }
    expect(held).toBeGreaterThanOrEqual(88);
    expect(held).toBeLessThanOrEqual(100);
  });
});
