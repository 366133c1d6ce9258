// What a classifier's scores are worth as a ranking: ROC and precision-recall curves, as scikit-learn 1.9 defines them
// (sklearn.metrics.roc_curve, auc, precision_recall_curve, average_precision_score).

import { DataError } from "../engine/errors.ts";

/** From the strictest threshold to the laxest; begins at (0, 0) with threshold Infinity. Points on a straight line are left out. */
export interface RocCurve {
  readonly falsePositiveRates: readonly number[];
  readonly truePositiveRates: readonly number[];
  readonly thresholds: readonly number[];
}

/** From the laxest threshold to the strictest; ends at precision 1, recall 0, which has no threshold. */
export interface PrecisionRecallCurve {
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
  /** One fewer than the others. */
  readonly thresholds: readonly number[];
}

interface Counts {
  /** Distinct scores, falling; with each, the positives and negatives that score at least as much. */
  thresholds: number[];
  truePositives: number[];
  falsePositives: number[];
}

function countByThreshold(isPositive: ArrayLike<boolean>, scores: ArrayLike<number>): Counts {
  if (scores.length === 0 || scores.length !== isPositive.length) {
    throw new DataError(
      `curves: labels and scores must be as many, at least one; got ${isPositive.length} and ${scores.length}.`,
    );
  }
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => scores[b]! - scores[a]! || a - b,
  );
  const counts: Counts = { thresholds: [], truePositives: [], falsePositives: [] };
  let positives = 0;
  order.forEach((i, rank) => {
    if (isPositive[i]) positives++;
    const next = order[rank + 1];
    if (next !== undefined && scores[next] === scores[i]) return;
    counts.thresholds.push(scores[i]!);
    counts.truePositives.push(positives);
    counts.falsePositives.push(rank + 1 - positives);
  });
  return counts;
}

/** @param scores [N], larger for what is more likely positive. Rates are NaN where there is no example to count. */
export function rocCurve(isPositive: ArrayLike<boolean>, scores: ArrayLike<number>): RocCurve {
  const {
    thresholds,
    truePositives: tp,
    falsePositives: fp,
  } = countByThreshold(isPositive, scores);
  const last = thresholds.length - 1;
  const bends = (counts: readonly number[], i: number): boolean =>
    counts[i]! - counts[i - 1]! !== counts[i + 1]! - counts[i]!;
  const kept = thresholds.flatMap((_, i) =>
    i === 0 || i === last || bends(tp, i) || bends(fp, i) ? [i] : [],
  );
  const rates = (counts: readonly number[]): number[] =>
    [0, ...kept.map((i) => counts[i]!)].map((count) => count / counts[last]!);
  return {
    falsePositiveRates: rates(fp),
    truePositiveRates: rates(tp),
    thresholds: [Infinity, ...kept.map((i) => thresholds[i]!)],
  };
}

/** Area under a ROC curve by trapezia: the chance that a positive outscores a negative. NaN where one of them is missing. */
export function rocAuc({ falsePositiveRates: x, truePositiveRates: y }: RocCurve): number {
  let area = 0;
  for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2;
  return area;
}

/** @param scores [N], larger for what is more likely positive. Recalls are 1 where there is no positive, as scikit-learn has it. */
export function precisionRecallCurve(
  isPositive: ArrayLike<boolean>,
  scores: ArrayLike<number>,
): PrecisionRecallCurve {
  const {
    thresholds,
    truePositives: tp,
    falsePositives: fp,
  } = countByThreshold(isPositive, scores);
  const positives = tp.at(-1)!;
  return {
    precisions: [...tp.map((hits, i) => hits / (hits + fp[i]!)).reverse(), 1],
    recalls: [...tp.map((hits) => (positives === 0 ? 1 : hits / positives)).reverse(), 0],
    thresholds: thresholds.reverse(),
  };
}

/** Precisions weighted by the gain in recall, without interpolation. 0 where there is no positive. */
export function averagePrecision({ precisions, recalls }: PrecisionRecallCurve): number {
  let sum = 0;
  for (let i = recalls.length - 1; i > 0; i--) {
    sum += (recalls[i - 1]! - recalls[i]!) * precisions[i - 1]!;
  }
  return sum;
}

/**
 * The points to draw of a curve: ends, and each that lies at least `step` from the one kept before it in x or y. On a chart
 * a few hundred pixels wide nothing can be seen of what is left out.
 */
export function thinned(
  x: readonly number[],
  y: readonly number[],
  step = 1 / 400,
): [x: number, y: number][] {
  const points: [number, number][] = [];
  let kept = -1;
  for (let i = 0; i < x.length; i++) {
    const isEnd = i === 0 || i === x.length - 1;
    if (!isEnd && Math.abs(x[i]! - x[kept]!) < step && Math.abs(y[i]! - y[kept]!) < step) continue;
    points.push([x[i]!, y[i]!]);
    kept = i;
  }
  return points;
}
