import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type ClassScores,
  classificationMetrics,
  classificationReport,
  confusionMatrix,
  frequentConfusions,
  type Scores,
} from "../../train/metrics.ts";

interface GoldenCase {
  title: string;
  labels: number[];
  predictions: number[];
  names: string[];
  accuracy: number;
  weighted: Scores;
  macro: Scores;
  perClass: ClassScores[];
  /** null where scikit-learn refuses to make one. */
  matrix: number[][] | null;
  report: string;
}

const golden =
  process.env.METRICS_GOLDEN ?? new URL("fixtures/classification-report.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { cases: GoldenCase[] };

describe("metrics are scikit-learn's", () => {
  it("has a golden case for every rule", () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
  });

  it.each(cases)("$title", ({ labels, predictions, names, ...want }) => {
    const K = names.length;
    const { accuracy, macro, perClass, ...weighted } = classificationMetrics(
      labels,
      predictions,
      K,
    );
    // toEqual on numbers is exact: every last bit is scikit-learn's.
    expect({ accuracy, macro, perClass, weighted }).toEqual({
      accuracy: want.accuracy,
      macro: want.macro,
      perClass: want.perClass,
      weighted: want.weighted,
    });
    if (want.matrix !== null) expect(confusionMatrix(labels, predictions, K)).toEqual(want.matrix);
    expect(classificationReport(labels, predictions, names)).toBe(want.report);
  });
});

describe("metrics", () => {
  it("puts true classes in the rows of the confusion matrix", () => {
    expect(confusionMatrix([0, 0, 0, 1], [1, 1, 0, 1], 2)).toEqual([
      [1, 2],
      [0, 1],
    ]);
  });

  it("lists what is mistaken for what, the most frequent first", () => {
    const matrix = [
      [9, 1, 2],
      [2, 0, 0],
      [0, 5, 1],
    ];
    expect(frequentConfusions(matrix, 3)).toEqual([
      { truth: 2, predicted: 1, count: 5 },
      { truth: 0, predicted: 2, count: 2 },
      { truth: 1, predicted: 0, count: 2 },
    ]);
  });

  it("refuses lists of different length and empty ones", () => {
    expect(() => classificationMetrics([0, 1], [0], 2)).toThrow("got 2 and 1");
    expect(() => classificationReport([], [], ["a", "b"])).toThrow("at least one");
    expect(() => confusionMatrix([0], [0, 0], 2)).toThrow("got 1 and 2");
  });
});
