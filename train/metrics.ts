// Classification metrics as scikit-learn 1.x computes and prints them, zero_division=0. All ids are class numbers from 0.
// Source of the rules: sklearn.metrics.precision_recall_fscore_support and classification_report, version 1.9.1.

import { DataError } from "../engine/errors.ts";

/** Scores of one class, or an average over classes. */
export interface Scores {
  /** Right among the predicted; 0 when nothing was predicted. */
  precision: number;
  /** Right among the true; 0 when there is no true one. */
  recall: number;
  /** 2 tp / (true + predicted); 0 when both are 0. */
  f1: number;
}

export interface ClassScores extends Scores {
  /** Examples whose true class this is. */
  support: number;
}

/** precision, recall and f1 at the top are the averages weighted by support, as the reference work reports. */
export interface ClassificationMetrics extends Scores {
  accuracy: number;
  macro: Scores;
  perClass: ClassScores[];
}

interface Counts {
  hits: number[];
  predicted: number[];
  support: number[];
  /** True when some id is not in [0, K): such an example is wrong, and in no class's support. */
  hasOthers: boolean;
}

/** Counts by [true class][predicted class], [K, K]. Pairs with an id outside [0, K) are left out. */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  K: number,
): number[][] {
  checkPairs(labels, predictions);
  const matrix = Array.from({ length: K }, () => Array.from({ length: K }, () => 0));
  for (let i = 0; i < labels.length; i++) {
    const row = matrix[labels[i] ?? -1];
    const column = predictions[i] ?? -1;
    if (row?.[column] !== undefined) row[column]++;
  }
  return matrix;
}

/** What is mistaken for what, by class numbers, and how often. */
export interface Confusion {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
}

/** The most frequent mistakes of a confusion matrix, equals in its order. */
export function frequentConfusions(
  matrix: readonly (readonly number[])[],
  most: number,
): Confusion[] {
  return matrix
    .flatMap((row, truth) =>
      row.flatMap((count, predicted) =>
        count === 0 || truth === predicted ? [] : [{ truth, predicted, count }],
      ),
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, most);
}

/**
 * Accuracy, and precision, recall and F1 by class, weighted by support and unweighted (macro), with K classes.
 * Throws DataError when there is no example or the two lists differ in length.
 */
export function classificationMetrics(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  K: number,
): ClassificationMetrics {
  const counts = countClasses(labels, predictions, K);
  const perClass = counts.support.map((support, c) => ({
    ...scores(counts.hits[c] ?? 0, counts.predicted[c] ?? 0, support),
    support,
  }));
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === predictions[i]) right++;
  const weighted = average(perClass, counts.support);
  return { accuracy: right / labels.length, ...weighted, macro: average(perClass), perClass };
}

/**
 * The text table of scikit-learn's `classification_report(labels, predictions, labels=range(K), target_names=names,
 * digits=4, zero_division=0)`, character for character; K is the number of names. The row "accuracy" becomes "micro avg"
 * when an id outside [0, K) occurs.
 */
export function classificationReport(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  names: readonly string[],
): string {
  const { accuracy, perClass, macro, ...weighted } = classificationMetrics(
    labels,
    predictions,
    names.length,
  );
  const { hits, predicted, support, hasOthers } = countClasses(labels, predictions, names.length);
  const micro = scores(sum(hits), sum(predicted), sum(support));
  const total = sum(support);
  const width = Math.max("weighted avg".length, ...names.map((name) => codePoints(name)));
  const line = (name: string, cells: readonly string[]) =>
    `${" ".repeat(width - codePoints(name))}${name} ${cells.map((cell) => ` ${cell.padStart(9)}`).join("")}\n`;
  // scikit-learn counts in floats when not one prediction is right.
  const integer = (count: number) => (accuracy === 0 ? `${count}.0` : String(count));
  const row = (name: string, { precision, recall, f1 }: Scores, count: number) =>
    line(name, [fourDigits(precision), fourDigits(recall), fourDigits(f1), integer(count)]);
  return [
    line("", ["precision", "recall", "f1-score", "support"]),
    "\n",
    ...perClass.map((one, c) => row(names[c] ?? "", one, one.support)),
    "\n",
    hasOthers
      ? row("micro avg", micro, total)
      : line("accuracy", ["", "", fourDigits(micro.f1), integer(total)]),
    row("macro avg", macro, total),
    row("weighted avg", weighted, total),
  ].join("");
}

/** Throws DataError unless there is a prediction for each label, and a label at all. */
export function checkPairs(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
  if (labels.length > 0 && labels.length === predictions.length) return;
  throw new DataError(
    `metrics: labels and predictions must be as many, at least one; got ${labels.length} and ${predictions.length}.`,
  );
}

function countClasses(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  K: number,
): Counts {
  checkPairs(labels, predictions);
  const zeros = () => Array.from({ length: K }, () => 0);
  const counts: Counts = { hits: zeros(), predicted: zeros(), support: zeros(), hasOthers: false };
  const bump = (list: number[], id: number) => {
    const count = list[id];
    if (count === undefined) counts.hasOthers = true;
    else list[id] = count + 1;
  };
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? -1;
    const prediction = predictions[i] ?? -1;
    bump(counts.support, label);
    bump(counts.predicted, prediction);
    if (label === prediction) bump(counts.hits, label);
  }
  return counts;
}

function divide(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function scores(hits: number, predicted: number, support: number): Scores {
  return {
    precision: divide(hits, predicted),
    recall: divide(hits, support),
    f1: divide(2 * hits, support + predicted),
  };
}

/** The length Python pads by; padStart counts UTF-16 units. */
function codePoints(name: string): number {
  return Array.from(name).length;
}

/** Mean over classes, weighted when weights are given and not all 0. */
function average(classes: readonly Scores[], weights?: readonly number[]): Scores {
  const scale = weights === undefined ? 0 : sum(weights);
  const mean = (values: number[]) =>
    weights === undefined || scale === 0
      ? sum(values) / values.length
      : sum(values.map((value, c) => value * (weights[c] ?? 0))) / scale;
  return {
    precision: mean(classes.map(({ precision }) => precision)),
    recall: mean(classes.map(({ recall }) => recall)),
    f1: mean(classes.map(({ f1 }) => f1)),
  };
}

/** Adds in numpy's pairwise order (up to 128 values in 8 lanes, more by halves), so that the last bit agrees too. */
function sum(values: readonly number[]): number {
  const n = values.length;
  if (n > 128) {
    const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
    return sum(values.slice(0, half)) + sum(values.slice(half));
  }
  const whole = n - (n % 8);
  let total = 0;
  if (whole > 0) {
    const lanes = values.slice(0, 8);
    for (let i = 8; i < whole; i++) lanes[i % 8] = (lanes[i % 8] ?? 0) + (values[i] ?? 0);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes;
    total = a + b + (c + d) + (e + f + (g + h));
  }
  for (let i = whole; i < n; i++) total += values[i] ?? 0;
  return total;
}

/** "%.4f" of a number in [0, 1]: exact ties, which only odd multiples of 1/32 are, go to the even digit; toFixed takes the larger. */
function fourDigits(x: number): string {
  const halves = x * 32;
  if (!Number.isInteger(halves) || halves % 2 === 0) return x.toFixed(4);
  const below = Math.floor(x * 1e4);
  return ((below + (below % 2)) / 1e4).toFixed(4);
}
