// Logistic regression with an L2 penalty: for two classes one weight per feature, for more one per feature and class.
// The objective is scikit-learn's LogisticRegression(C): sum of losses times C plus half the squared weights; the
// intercepts are free. It is divided by C times the number of rows here, as there.

import { minimise } from "./lbfgs.ts";
import type { SparseRows } from "./sparse-rows.ts";

export interface LinearModel {
  /** Number of classes. */
  readonly K: number;
  /** [features, K], or [features, 1] for two classes: then of the second. */
  readonly weights: Float64Array;
  /** [K], or [1]. */
  readonly intercepts: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface FitOptions {
  readonly features: number;
  /** Number of classes. */
  readonly K: number;
  /** Weight of the data against the penalty. */
  readonly C: number;
  /** Where to begin. */
  readonly start?: LinearModel | undefined;
  /** On the largest element of the gradient. */
  readonly tolerance?: number | undefined;
  readonly maxIterations?: number | undefined;
}

const outputsOf = (K: number): number => (K === 2 ? 1 : K);

/** Fits a model. labels: class numbers, one a row. The same bits every time. */
export async function fitLogistic(
  rows: SparseRows,
  labels: Uint32Array,
  { features, K, C, start, tolerance, maxIterations }: FitOptions,
  onIteration?: (iteration: number) => void | Promise<void>,
): Promise<LinearModel> {
  const O = outputsOf(K);
  const size = features * O;
  const x = new Float64Array(size + O); // weights, then intercepts
  if (start) {
    x.set(start.weights);
    x.set(start.intercepts, size);
  }
  const penalty = 1 / (C * rows.count);
  const scores = new Float64Array(rows.count * O);
  const objective = (at: Float64Array, gradient: Float64Array): number => {
    const [weights, intercepts] = [at.subarray(0, size), at.subarray(size)];
    const [dWeights, dIntercepts] = [gradient.subarray(0, size), gradient.subarray(size)];
    gradient.fill(0);
    rows.multiply(weights, O, scores);
    let loss = 0;
    for (let r = 0; r < rows.count; r++) {
      const own = scores.subarray(r * O, (r + 1) * O);
      for (let o = 0; o < O; o++) own[o]! += intercepts[o]!;
      loss += lossOf(own, labels[r]!);
      for (let o = 0; o < O; o++) {
        own[o]! /= rows.count;
        dIntercepts[o]! += own[o]!;
      }
    }
    rows.addTransposed(scores, O, dWeights);
    let squares = 0;
    for (let i = 0; i < size; i++) {
      squares += weights[i]! * weights[i]!;
      dWeights[i]! += penalty * weights[i]!;
    }
    return loss / rows.count + 0.5 * penalty * squares;
  };
  const options = { ...(tolerance && { tolerance }), ...(maxIterations && { maxIterations }) };
  const found = await minimise(objective, x, options, (n) => onIteration?.(n));
  return {
    K,
    weights: found.x.slice(0, size),
    intercepts: found.x.slice(size),
    iterations: found.iterations,
    converged: found.converged,
  };
}

/** -log softmax(scores)[label]; scores become its derivatives. One score is the second class's against 0. */
function lossOf(scores: Float64Array, label: number): number {
  const first = scores.length === 1 ? 1 : 0; // class of the first score
  let most = first === 1 ? 0 : -Infinity;
  for (const score of scores) most = Math.max(most, score);
  let total = first === 1 ? Math.exp(-most) : 0;
  for (const score of scores) total += Math.exp(score - most);
  const loss = Math.log(total) + most - (label < first ? 0 : scores[label - first]!);
  for (let o = 0; o < scores.length; o++) {
    scores[o] = Math.exp(scores[o]! - most) / total - (label === o + first ? 1 : 0);
  }
  return loss;
}

/** Logits [rows, K]. */
export function logisticLogits(rows: SparseRows, model: LinearModel): Float32Array {
  const { K, weights, intercepts } = model;
  const O = intercepts.length;
  const scores = new Float64Array(rows.count * O);
  rows.multiply(weights, O, scores);
  const logits = new Float32Array(rows.count * K);
  scores.forEach((score, i) => {
    const [row, o] = [Math.floor(i / O), i % O];
    logits[row * K + K - O + o] = score + intercepts[o]!;
  });
  return logits;
}

/** The features that speak most for a class, strongest first: [feature, weight]. For two classes the first has minus the second's weights. */
export function strongestFeatures(
  { K, weights }: LinearModel,
  classId: number,
  most: number,
): [feature: number, weight: number][] {
  const O = outputsOf(K);
  const sign = O === 1 && classId === 0 ? -1 : 1;
  const column = O === 1 ? 0 : classId;
  const all = Array.from({ length: weights.length / O }, (_, feature): [number, number] => [
    feature,
    sign * weights[feature * O + column]!,
  ]);
  return all
    .filter(([, weight]) => weight > 0)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, most);
}
