// Everything a report says of a model's predictions on a set, as data: tables, curves, and what it got wrong.

import { DataError } from "../engine/errors.ts";
import { type Calibration, calibration } from "./calibration.ts";
import { averagePrecision, precisionRecallCurve, rocAuc, rocCurve, thinned } from "./curves.ts";
import { listed, shortName } from "./listed.ts";
import {
  classificationMetrics,
  type ClassificationMetrics,
  classificationReport,
  confusionMatrix,
} from "./metrics.ts";
import type { Prediction } from "./predictions.ts";

export type Point = readonly [x: number, y: number];

/** How well a class's probability ranks its examples before all others. */
export interface ClassCurves {
  readonly label: string;
  /** Null where the set has no example of the class, or none of another. */
  readonly rocAuc: number | null;
  readonly averagePrecision: number | null;
  /** (false positive rate, true positive rate), thinned for drawing. */
  readonly roc: readonly Point[];
  /** (recall, precision), thinned for drawing. */
  readonly precisionRecall: readonly Point[];
}

/** How the scores of a class are spread. */
export interface ScoreHistogram {
  /** What is counted: with two classes the probability of the second by true class, else that of the predicted class. */
  readonly of: string;
  readonly series: readonly string[];
  /** Counts stand in the order of `series`. A bin holds (from, to], the first one 0 too. */
  readonly bins: readonly { from: number; to: number; counts: readonly number[] }[];
}

/** Examples of like length. */
export interface LengthGroup {
  /** Tokens, both included. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly errors: number;
  /** Wilson's 95 % interval of the error rate. */
  readonly low: number;
  readonly high: number;
}

/** A misclassified example. */
export interface Mistake extends Omit<Prediction, "probabilities"> {
  /** Probability of the predicted class. */
  readonly confidence: number;
}

/** Scores, curves and mistakes of a set of predictions, as data. */
export interface PredictionReport {
  readonly count: number;
  readonly labels: readonly string[];
  readonly metrics: ClassificationMetrics;
  /** scikit-learn's text table. */
  readonly classificationReport: string;
  /** [true class][predicted class]. */
  readonly confusion: readonly (readonly number[])[];
  readonly curves: readonly ClassCurves[];
  /** Unweighted mean of the classes' areas; null where one has none. */
  readonly macroRocAuc: number | null;
  readonly calibration: Calibration;
  readonly scores: ScoreHistogram;
  readonly lengths: readonly LengthGroup[];
  /** The most confident first; `shown` is cut at `MOST_MISTAKES`. */
  readonly mistakes: { readonly count: number; readonly shown: readonly Mistake[] };
}

export const MOST_MISTAKES = 500;
const HISTOGRAM_BINS = 20;
const LENGTH_GROUPS = 10;
const LEAST_PER_GROUP = 10;

/**
 * Scores, curves and mistakes of predictions. Throws DataError for none, or ones of other classes.
 * @param labels names of the classes, in id order
 */
export function reportPredictions(
  predictions: readonly Prediction[],
  labels: readonly string[],
): PredictionReport {
  const ids = new Map(labels.map((label, id) => [label, id]));
  const idOf = (name: string): number => {
    const id = ids.get(name);
    if (id !== undefined) return id;
    throw new DataError(
      `report: predictions must be of the classes ${listed(labels)}; got ${JSON.stringify(shortName(name))}.`,
    );
  };
  const truth = Uint32Array.from(predictions, ({ label }) => idOf(label));
  const said = Uint32Array.from(predictions, ({ predicted }) => idOf(predicted));
  const metrics = classificationMetrics(truth, said, labels.length);
  const curves = labels.map((_, id) => curvesOf(predictions, labels, truth, id));
  const confidences = Float64Array.from(predictions, confidenceOf);
  const areas = curves.map(({ rocAuc }) => rocAuc);
  return {
    count: predictions.length,
    labels,
    metrics,
    classificationReport: classificationReport(truth, said, labels),
    confusion: confusionMatrix(truth, said, labels.length),
    curves,
    macroRocAuc: areas.includes(null)
      ? null
      : areas.reduce<number>((sum, area) => sum + area!, 0) / areas.length,
    calibration: calibration(
      confidences,
      predictions.map(({ label, predicted }) => label === predicted),
    ),
    scores: scoreHistogram(predictions, labels),
    lengths: lengthGroups(predictions),
    mistakes: mistakesOf(predictions),
  };
}

const confidenceOf = ({ probabilities, predicted }: Prediction): number =>
  probabilities[predicted]!;

function curvesOf(
  predictions: readonly Prediction[],
  labels: readonly string[],
  truth: Uint32Array,
  id: number,
): ClassCurves {
  const label = labels[id]!;
  const isPositive = Array.from(truth, (one) => one === id);
  const [other] = labels.length === 2 ? labels.filter((_, k) => k !== id) : [];
  // Near 1 f32 knows no small differences, near 0 it does: as odds, both classes of two rank the examples alike.
  const scores = Float64Array.from(predictions, ({ probabilities: p }) =>
    other === undefined ? (p[label] ?? 0) : (p[label] ?? 0) / (p[other] ?? 0),
  );
  const positives = isPositive.filter(Boolean).length;
  if (positives === 0 || positives === predictions.length) {
    return { label, rocAuc: null, averagePrecision: null, roc: [], precisionRecall: [] };
  }
  const roc = rocCurve(isPositive, scores);
  const curve = precisionRecallCurve(isPositive, scores);
  return {
    label,
    rocAuc: rocAuc(roc),
    averagePrecision: averagePrecision(curve),
    roc: thinned(roc.falsePositiveRates, roc.truePositiveRates),
    precisionRecall: thinned(curve.recalls, curve.precisions),
  };
}

function scoreHistogram(
  predictions: readonly Prediction[],
  labels: readonly string[],
): ScoreHistogram {
  const [first, second] = labels;
  const isBinary = labels.length === 2;
  const bins = Array.from({ length: HISTOGRAM_BINS }, (_, i) => ({
    from: i / HISTOGRAM_BINS,
    to: (i + 1) / HISTOGRAM_BINS,
    counts: [0, 0],
  }));
  for (const prediction of predictions) {
    const { label, predicted, probabilities } = prediction;
    const score = isBinary ? (probabilities[second!] ?? 0) : confidenceOf(prediction);
    const bin = bins.find(({ to }) => score <= to) ?? bins.at(-1)!;
    const isFirst = isBinary ? label === first : label === predicted;
    bin.counts[isFirst ? 0 : 1]!++;
  }
  return isBinary
    ? { of: `probability of ${second}`, series: [first!, second!], bins }
    : { of: "probability of the predicted class", series: ["right", "wrong"], bins };
}

/** About as many examples in each group; those of one length stay together. */
function lengthGroups(predictions: readonly Prediction[]): LengthGroup[] {
  const sorted = predictions.toSorted((a, b) => a.tokens - b.tokens);
  const total = sorted.length;
  const size = Math.max(LEAST_PER_GROUP, Math.ceil(total / LENGTH_GROUPS));
  const groups: LengthGroup[] = [];
  for (let start = 0, end = 0; start < total; start = end) {
    end = Math.min(total, start + size);
    while (end < total && sorted[end]!.tokens === sorted[end - 1]!.tokens) end++;
    if (total - end < size / 2) end = total;
    const group = sorted.slice(start, end);
    const errors = group.filter(({ label, predicted }) => label !== predicted).length;
    groups.push({
      from: group[0]!.tokens,
      to: group.at(-1)!.tokens,
      count: group.length,
      errors,
      ...wilson(errors, group.length),
    });
  }
  return groups;
}

/** Wilson's score interval of a share, 95 %. Wilson 1927, doi:10.1080/01621459.1927.10502953. */
function wilson(hits: number, count: number): { low: number; high: number } {
  const z2 = 1.959963984540054 ** 2;
  const share = hits / count;
  const centre = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half =
    (Math.sqrt(z2) / (1 + z2 / count)) *
    Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

function mistakesOf(predictions: readonly Prediction[]): PredictionReport["mistakes"] {
  const wrong = predictions.filter(({ label, predicted }) => label !== predicted);
  const shown = wrong
    .toSorted((a, b) => confidenceOf(b) - confidenceOf(a) || a.row - b.row)
    .slice(0, MOST_MISTAKES)
    .map((prediction): Mistake => {
      const { probabilities: _, ...rest } = prediction;
      return { ...rest, confidence: confidenceOf(prediction) };
    });
  return { count: wrong.length, shown };
}
