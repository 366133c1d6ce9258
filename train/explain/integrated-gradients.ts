// Integrated gradients: how much each token of a text moved a class's score away from that of a text without content.
// Sundararajan, Taly and Yan 2017, arXiv:1703.01365.

import { type Gpu, ShapeError } from "../../engine/index.ts";
import type { AlbertForSequenceClassification } from "../../model/index.ts";
import { checkAmount, checkInteger } from "../arguments.ts";
import { argmaxRows } from "../evaluate.ts";
import { EmbeddingPath } from "./embedding-path.ts";
import { type Panel, POINTS, pointsOf } from "./quadrature.ts";

/** What to explain, how exactly, and at what price. */
export interface AttributionOptions {
  /** The class whose score is explained; the predicted one if left out. */
  readonly classId?: number | undefined;
  /** Points of the path that run as one batch. Default: 16. */
  readonly batchSize?: number | undefined;
  /** The share of the difference by which the attributions may miss it. Default: 0.01. */
  readonly tolerance?: number | undefined;
  /** Points of the path at most, at least 8; the bound may then not be met. Default: 1024. */
  readonly maxPoints?: number | undefined;
  /** Ends the work between two batches by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What the error may be at least, in logits: a share of a difference near 0 would be out of reach. */
const LEAST_BOUND = 1e-3;

/** What each token of a text did for the score of a class, and how exact that is. */
export interface Attribution {
  /** Of the text as it is, [K]. */
  readonly logits: Float32Array;
  /** Of the text without content, [K]: what the model says of nothing. */
  readonly baselineLogits: Float32Array;
  /** The class with the largest logit. */
  readonly predicted: number;
  /** The class explained. */
  readonly classId: number;
  /** One for each id, in logits; 0 for [CLS] and [SEP], which the baseline has too. */
  readonly attributions: Float64Array;
  /** The class's logit minus the mean of the others', for the text. */
  readonly score: number;
  /** The same for the text without content. */
  readonly baseline: number;
  /** Of the attributions: ideally score - baseline. */
  readonly sum: number;
  /** |sum - (score - baseline)|. */
  readonly error: number;
  /** What `error` may be at most. */
  readonly bound: number;
  /** Whether it is that. */
  readonly complete: boolean;
  /** Gradients taken along the path. */
  readonly points: number;
}

/** A panel of the path and the score at its ends. */
interface PathPanel extends Panel {
  readonly fromScore: number;
  readonly toScore: number;
}

/** What a panel adds to each attribution, and by how much that misses the change of the score over it. */
interface Integral {
  readonly panel: PathPanel;
  readonly parts: Float64Array;
  readonly error: number;
}

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

async function integrate(
  path: EmbeddingPath,
  panels: readonly PathPanel[],
  direction: Float32Array,
): Promise<Integral[]> {
  const points = panels.map(pointsOf);
  const slopes = await path.slopes(
    points.flat().map(({ at }) => at),
    direction,
  );
  return panels.map((panel, i) => {
    const parts = new Float64Array(slopes[0]!.length);
    points[i]!.forEach(({ weight }, j) => {
      slopes[i * POINTS + j]!.forEach((slope, t) => (parts[t]! += weight * slope));
    });
    return { panel, parts, error: Math.abs(sumOf(parts) - (panel.toScore - panel.fromScore)) };
  });
}

async function halve(
  path: EmbeddingPath,
  panels: readonly PathPanel[],
  scoreOf: (logits: Float32Array) => number,
): Promise<PathPanel[]> {
  const middles = panels.map(({ from, to }) => (from + to) / 2);
  const logits = await path.logits(middles);
  return panels.flatMap((panel, i) => {
    const [middle, score] = [middles[i]!, scoreOf(logits[i]!)];
    return [
      { ...panel, to: middle, toScore: score },
      { ...panel, from: middle, fromScore: score },
    ];
  });
}

/**
 * Attributes a class's score to the tokens of a text. The score is the logit of the class minus the mean of the others':
 * for two classes the log-odds, and unlike a logit alone not changed by what softmax ignores. The path goes in a straight
 * line from the embedding sum of the same text with [PAD] for every token between [CLS] and [SEP], positions kept. [PAD] and
 * not [MASK]: its row of the word table is zero in a model trained from scratch and takes no gradient in any, so that no class
 * can claim it. A part of the path is halved until its attributions add up to the change of the score over it, within
 * `tolerance` of the whole difference.
 * ids: one text's, with [CLS] and [SEP] at the ends. Throws ShapeError for a class or id that the model does not have, and
 * ArgumentError for an option out of its range.
 */
export async function integratedGradients(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  ids: ArrayLike<number>,
  options: AttributionOptions = {},
): Promise<Attribution> {
  const { batchSize = 16, tolerance = 0.01, maxPoints = 1024, signal } = options;
  checkInteger("batchSize", batchSize, 1);
  checkAmount("tolerance", tolerance);
  checkInteger("maxPoints", maxPoints, POINTS);
  const path = await EmbeddingPath.open({ gpu, model, batchSize, signal }, ids);
  const K = model.config.num_labels;
  const [predicted = 0] = argmaxRows(path.end, K);
  const { classId = predicted } = options;
  if (!(Number.isInteger(classId) && classId >= 0 && classId < K)) {
    throw new ShapeError(`explain: the class must be in [0, ${K}); got ${classId}.`);
  }
  const direction = Float32Array.from({ length: K }, (_, k) => (k === classId ? 1 : -1 / (K - 1)));
  const scoreOf = (logits: Float32Array): number =>
    logits.reduce((sum, logit, k) => sum + logit * direction[k]!, 0);
  const [score, baseline] = [scoreOf(path.end), scoreOf(path.start)];
  const bound = Math.max(tolerance * Math.abs(score - baseline), LEAST_BOUND);

  const done: Integral[] = [];
  let open: PathPanel[] = [{ from: 0, to: 1, fromScore: baseline, toScore: score }];
  let points = 0;
  while (open.length > 0) {
    const integrals = await integrate(path, open, direction);
    points += integrals.length * POINTS;
    // Shares of the bound by width: where each panel keeps to its own, the whole does.
    let rough = integrals.filter(({ panel, error }) => error > bound * (panel.to - panel.from));
    const missed = [...done, ...integrals].reduce((sum, { error }) => sum + error, 0);
    if (missed <= bound || points + 2 * rough.length * POINTS > maxPoints) rough = [];
    done.push(...integrals.filter((one) => !rough.includes(one)));
    open = await halve(
      path,
      rough.map(({ panel }) => panel),
      scoreOf,
    );
  }

  const attributions = new Float64Array(ids.length);
  for (const { parts } of done) parts.forEach((part, t) => (attributions[t]! += part));
  const sum = sumOf(attributions);
  const error = Math.abs(sum - (score - baseline));
  return {
    logits: path.end,
    baselineLogits: path.start,
    predicted,
    classId,
    attributions,
    score,
    baseline,
    sum,
    error,
    bound,
    complete: error <= bound,
    points,
  };
}
