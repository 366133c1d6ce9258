import { describe, expect, it } from "vitest";
import { Random } from "../../engine/index.ts";
import type { Prediction } from "../../train/predictions.ts";
import { MOST_MISTAKES, reportPredictions } from "../../train/prediction-report.ts";

const prediction = (
  row: number,
  label: string,
  probabilities: Record<string, number>,
  tokens = 10,
): Prediction => {
  const [predicted] = Object.entries(probabilities).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { row, label, predicted, probabilities, tokens };
};
const binary = (row: number, label: string, real: number, tokens = 10): Prediction =>
  prediction(row, label, { fake: 1 - real, real }, tokens);

describe("a report of predictions", () => {
  it("counts, ranks and lists them", () => {
    const report = reportPredictions(
      [
        binary(0, "real", 0.9),
        binary(1, "fake", 0.8),
        binary(2, "real", 0.3),
        binary(3, "fake", 0),
      ],
      ["fake", "real"],
    );
    expect(report).toMatchObject({
      count: 4,
      confusion: [
        [1, 1],
        [1, 1],
      ],
      metrics: { accuracy: 0.5 },
      macroRocAuc: 0.75,
      mistakes: { count: 2 },
    });
    expect(report.curves.map(({ rocAuc }) => rocAuc)).toEqual([0.75, 0.75]);
    expect(report.mistakes.shown.map(({ row, confidence }) => [row, confidence])).toEqual([
      [1, 0.8],
      [2, 0.7],
    ]);
    expect(report.scores.of).toBe("probability of real");
    const filled = report.scores.bins.filter(({ counts }) => counts.some((n) => n > 0));
    expect(filled).toEqual([
      { from: 0, to: 0.05, counts: [1, 0] },
      { from: 0.25, to: 0.3, counts: [0, 1] },
      { from: 0.75, to: 0.8, counts: [1, 0] },
      { from: 0.85, to: 0.9, counts: [0, 1] },
    ]);
  });

  it("ranks two classes alike, also where one's probabilities are 1 in f32", () => {
    const saturated = (row: number, label: string, real: number): Prediction =>
      prediction(row, label, { fake: Math.fround(1 - real), real: Math.fround(real) });
    const report = reportPredictions(
      [
        saturated(0, "fake", 1e-9),
        saturated(1, "real", 2e-9),
        saturated(2, "fake", 3e-9),
        saturated(3, "real", 4e-9),
      ],
      ["fake", "real"],
    );
    expect(report.curves.map(({ rocAuc }) => rocAuc)).toEqual([0.75, 0.75]);
    expect(report.macroRocAuc).toBe(0.75);
  });

  it("of three classes counts confidences of right and wrong ones, and has no area for a class without examples", () => {
    const report = reportPredictions(
      [
        prediction(0, "a", { a: 0.5, b: 0.3, c: 0.2 }),
        prediction(1, "b", { a: 0.6, b: 0.3, c: 0.1 }),
      ],
      ["a", "b", "c"],
    );
    expect(report.scores.series).toEqual(["right", "wrong"]);
    expect(report.curves.map(({ rocAuc }) => rocAuc)).toEqual([0, 0.5, null]);
    expect(report.macroRocAuc).toBe(null);
  });

  it("groups lengths without tearing equal ones apart, and loses none", () => {
    const tokens = [
      ...Array.from({ length: 30 }, () => 5),
      ...Array.from({ length: 70 }, (_, i) => 6 + i),
    ];
    const report = reportPredictions(
      tokens.map((n, row) => binary(row, row < 3 ? "fake" : "real", 0.9, n)),
      ["fake", "real"],
    );
    expect(report.lengths[0]).toMatchObject({ from: 5, to: 5, count: 30, errors: 3 });
    // Wilson's interval of 3 in 30, from the formula by hand.
    expect(report.lengths[0]!.low).toBeCloseTo(0.0346, 4);
    expect(report.lengths[0]!.high).toBeCloseTo(0.2562, 4);
    expect(report.lengths.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    for (const [i, group] of report.lengths.slice(1).entries()) {
      expect(group.from).toBeGreaterThan(report.lengths[i]!.to);
    }
  });

  it("of 45,000 examples is made in seconds and stays small", () => {
    const random = new Random(1);
    const many = Array.from({ length: 45_000 }, (_, row) =>
      binary(row, random.uniform() < 0.5 ? "fake" : "real", random.uniform(), 20 + (row % 490)),
    );
    const started = performance.now();
    const report = reportPredictions(many, ["fake", "real"]);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(report.mistakes.count).toBeGreaterThan(20_000);
    expect(report.mistakes.shown).toHaveLength(MOST_MISTAKES);
    expect(JSON.stringify(report).length).toBeLessThan(300_000);
  });

  it("refuses classes it was not told of, and no predictions", () => {
    expect(() => reportPredictions([binary(0, "fake", 1)], ["fake"])).toThrow('got "real"');
    expect(() => reportPredictions([], ["fake", "real"])).toThrow("at least one");
  });
});
