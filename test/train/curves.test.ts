import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { calibration } from "../../train/calibration.ts";
import {
  averagePrecision,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
  thinned,
} from "../../train/curves.ts";

type Numbers = (number | null)[];

interface Golden {
  binary: {
    title: string;
    labels: number[];
    scores: number[];
    roc: { fpr: Numbers; tpr: Numbers; thresholds: Numbers };
    auc: number | null;
    precisionRecall: { precision: Numbers; recall: Numbers; thresholds: Numbers };
    averagePrecision: number;
    calibration: { bins: number; fraction: Numbers; mean: Numbers } | null;
    ece: number;
  }[];
  multi: {
    title: string;
    labels: number[];
    probabilities: number[][];
    aucs: number[];
    averagePrecisions: number[];
  }[];
}

const file = new URL("fixtures/curves.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;

/** As the fixture writes what JSON cannot hold. */
const finite = (values: readonly number[]): Numbers =>
  values.map((value) => (Number.isFinite(value) ? value : null));

/** Equal but for the last bits, which depend on the order of a sum. */
function expectClose(got: readonly (number | null)[], want: readonly (number | null)[]): void {
  expect(got).toHaveLength(want.length);
  got.forEach((value, i) => {
    if (value === null || want[i] === null) expect(value).toBe(want[i]);
    else expect(value).toBeCloseTo(want[i]!, 13);
  });
}

describe("curves are scikit-learn's", () => {
  it("has golden cases", () => {
    expect(golden.binary.length).toBeGreaterThanOrEqual(12);
    expect(golden.multi.length).toBeGreaterThanOrEqual(2);
  });

  it.each(golden.binary)("$title", ({ labels, scores, ...want }) => {
    const isPositive = labels.map((label) => label === 1);
    const roc = rocCurve(isPositive, scores);
    expect(finite(roc.thresholds)).toEqual(want.roc.thresholds);
    expect(finite(roc.falsePositiveRates)).toEqual(want.roc.fpr);
    expect(finite(roc.truePositiveRates)).toEqual(want.roc.tpr);
    expectClose(finite([rocAuc(roc)]), [want.auc]);
    const curve = precisionRecallCurve(isPositive, scores);
    expect(curve.thresholds).toEqual(want.precisionRecall.thresholds);
    expect(curve.precisions).toEqual(want.precisionRecall.precision);
    expect(curve.recalls).toEqual(want.precisionRecall.recall);
    expect(averagePrecision(curve)).toBeCloseTo(want.averagePrecision, 13);
  });

  it.each(golden.multi)("$title, one against the rest", ({ labels, probabilities, ...want }) => {
    const ofClass = (k: number) => {
      const isPositive = labels.map((label) => label === k);
      const scores = probabilities.map((row) => row[k]!);
      return {
        auc: rocAuc(rocCurve(isPositive, scores)),
        ap: averagePrecision(precisionRecallCurve(isPositive, scores)),
      };
    };
    const each = want.aucs.map((_, k) => ofClass(k));
    expectClose(
      each.map(({ auc }) => auc),
      want.aucs,
    );
    expectClose(
      each.map(({ ap }) => ap),
      want.averagePrecisions,
    );
  });
});

describe("calibration", () => {
  it.each(golden.binary)(
    "of $title is scikit-learn's, bin by bin",
    ({ labels, scores, ...want }) => {
      const isRight = labels.map((label) => label === 1);
      const { bins, ece } = calibration(scores, isRight, want.calibration?.bins);
      expect(ece).toBeCloseTo(want.ece, 13);
      expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(labels.length);
      if (want.calibration === null) return;
      const filled = bins.filter(({ count }) => count > 0);
      expectClose(
        filled.map(({ accuracy }) => accuracy),
        want.calibration.fraction,
      );
      expectClose(
        filled.map(({ confidence }) => confidence),
        want.calibration.mean,
      );
    },
  );

  it("of no examples is refused", () => {
    expect(() => calibration([], [])).toThrow("at least one; got 0 and 0");
  });
});

describe("thinned", () => {
  it("keeps the ends and what can be seen", () => {
    const x = Array.from({ length: 45_000 }, (_, i) => i / 44_999);
    const points = thinned(x, x);
    expect(points.length).toBeLessThan(402);
    expect(points[0]).toEqual([0, 0]);
    expect(points.at(-1)).toEqual([1, 1]);
    expect(thinned([0, 0, 1], [0, 0.5, 1])).toEqual([
      [0, 0],
      [0, 0.5],
      [1, 1],
    ]);
    expect(thinned([], [])).toEqual([]);
  });
});
