// Running a model over a whole set without training, and the scores of what it says.

import { type Gpu, ShapeError } from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import { collate, evalBatches } from "./batches.ts";
import { InFlight } from "./in-flight.ts";
import { classificationMetrics, type ClassificationMetrics } from "./metrics.ts";
import { logitsOf } from "./step.ts";
import type { TokenizedSet } from "./tokenize.ts";

/** How texts are batched; they are packed unless told to pad. */
export interface BatchOptions {
  readonly batchSize: number;
  readonly maxLength: number;
  readonly padToMaxLength: boolean;
  /** Ends the work between two batches by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Texts as ids, with the class of each. */
export interface LabelledSet {
  readonly tokens: TokenizedSet;
  /** [tokens.count], class numbers. */
  readonly labels: Uint32Array;
}

export interface Evaluation extends ClassificationMetrics {
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  /** Wall time. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
  /** The class with the largest logit, the first one of equals, [count]. */
  readonly predictions: Uint32Array;
  /** [count, K]. */
  readonly probabilities: Float32Array;
}

/** Logits [count, K] of every text, in input order. `onProgress` gets the number of texts done. */
export async function predictLogits(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  tokens: TokenizedSet,
  { batchSize, maxLength, padToMaxLength, signal }: BatchOptions,
  onProgress?: (done: number) => void,
): Promise<Float32Array> {
  const K = model.config.num_labels;
  const logits = new Float32Array(tokens.count * K);
  const inFlight = new InFlight<{ indices: readonly number[]; values: Float32Array }>(gpu);
  let done = 0;
  const store = (
    results: readonly { indices: readonly number[]; values: Float32Array }[],
  ): void => {
    for (const { indices, values } of results) {
      indices.forEach((index, b) => logits.set(values.subarray(b * K, (b + 1) * K), index * K));
      done += indices.length;
    }
    if (results.length > 0) onProgress?.(done);
  };
  const layout = {
    padTo: padToMaxLength ? maxLength : undefined,
    maxLength,
    padId: model.config.pad_token_id,
  };
  for (const indices of evalBatches(tokens.lengths, batchSize)) {
    signal?.throwIfAborted();
    const batch = collate(
      indices.map((i) => tokens.ids(i)),
      layout,
    );
    const values = logitsOf(gpu, model, batch);
    const result = values.then((read) => ({ indices, values: read }));
    store(await inFlight.push(result));
  }
  store(await inFlight.drain());
  return logits;
}

/** softmax of each row. logits: [R, K]; returns [R, K]. In f64, largest subtracted. */
export function softmaxRows(logits: Float32Array, K: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += K) {
    const values = logits.subarray(row, row + K);
    const largest = Math.max(...values);
    const exps = Array.from(values, (value) => Math.exp(value - largest));
    const sum = exps.reduce((total, value) => total + value, 0);
    exps.forEach((value, k) => (probabilities[row + k] = value / sum));
  }
  return probabilities;
}

/** The column of each row's largest value, the first one of equals. */
export function argmaxRows(values: Float32Array, K: number): Uint32Array {
  return Uint32Array.from({ length: values.length / K }, (_, r) => {
    let best = 0;
    for (let k = 1; k < K; k++) if (values[r * K + k]! > values[r * K + best]!) best = k;
    return best;
  });
}

/** Mean over rows of log sum exp(logits) - logits[label], in f64. */
export function meanCrossEntropy(logits: Float32Array, labels: Uint32Array, K: number): number {
  let sum = 0;
  labels.forEach((label, r) => {
    const values = logits.subarray(r * K, (r + 1) * K);
    const largest = Math.max(...values);
    const exps = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    sum += Math.log(exps) + largest - values[label]!;
  });
  return sum / labels.length;
}

/** Loss and scores of a model on a labelled set. Throws ShapeError for a label the model does not have. */
export async function evaluate(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  { tokens, labels }: LabelledSet,
  options: BatchOptions,
  onProgress?: (done: number) => void,
): Promise<Evaluation> {
  const K = model.config.num_labels;
  const unknown = labels.find((label) => label >= K);
  if (unknown !== undefined) {
    throw new ShapeError(`evaluate: labels must be below ${K}; got ${unknown}.`);
  }
  const start = performance.now();
  const logits = await predictLogits(gpu, model, tokens, options, onProgress);
  return scored(logits, labels, K, (performance.now() - start) / 1000);
}

/** Loss and scores of logits [count, K], which took `seconds`, against the classes of the examples. */
export function scored(
  logits: Float32Array,
  labels: Uint32Array,
  K: number,
  seconds: number,
): Evaluation {
  const predictions = argmaxRows(logits, K);
  return {
    ...classificationMetrics(labels, predictions, K),
    loss: meanCrossEntropy(logits, labels, K),
    seconds,
    samplesPerSecond: labels.length / seconds,
    predictions,
    probabilities: softmaxRows(logits, K),
  };
}
