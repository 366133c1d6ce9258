// Whether a model is right as often as it says it is.

import { DataError } from "../engine/errors.ts";

/** Bins of equal width that the expected calibration error is computed with, as in Guo et al. 2017. */
export const CALIBRATION_BINS = 15;

/** The examples of a range of confidence. */
export interface CalibrationBin {
  /** Holds confidences in (from, to]; the first one 0 too. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Means over the bin; null where it is empty. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** How far confidence and accuracy agree. */
export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error: mean over examples of |accuracy - confidence| of their bin, in [0, 1]. */
  readonly ece: number;
}

/**
 * Reliability of top-label confidences. Guo et al. 2017, arXiv:1706.04599, section 2; its bins are also those of
 * sklearn.calibration.calibration_curve with strategy="uniform".
 * @param confidences [N], the probability of the predicted class
 * @param isRight [N]
 */
export function calibration(
  confidences: ArrayLike<number>,
  isRight: ArrayLike<boolean>,
  bins = CALIBRATION_BINS,
): Calibration {
  const total = confidences.length;
  if (total === 0 || total !== isRight.length) {
    throw new DataError(
      `calibration: confidences and outcomes must be as many, at least one; got ${total} and ${isRight.length}.`,
    );
  }
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  // i / bins and not i * width: the edges then are numpy's linspace(0, 1, bins + 1) to the last bit.
  const edges = Array.from({ length: bins + 1 }, (_, i) => i / bins);
  for (let i = 0; i < total; i++) {
    const confidence = confidences[i]!;
    let bin = Math.min(bins - 1, Math.floor(confidence * bins));
    while (bin > 0 && confidence <= edges[bin]!) bin--;
    while (bin < bins - 1 && confidence > edges[bin + 1]!) bin++;
    const sum = sums[bin]!;
    sum.count++;
    sum.confidence += confidence;
    if (isRight[i]) sum.right++;
  }
  const mean = (sum: number, count: number): number | null => (count === 0 ? null : sum / count);
  return {
    bins: sums.map(({ count, confidence, right }, i) => ({
      from: edges[i]!,
      to: edges[i + 1]!,
      count,
      confidence: mean(confidence, count),
      accuracy: mean(right, count),
    })),
    ece: sums.reduce((ece, { confidence, right }) => ece + Math.abs(right - confidence) / total, 0),
  };
}
