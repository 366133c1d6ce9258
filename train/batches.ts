// Which examples go together in a batch, in what order, and how their tokens lie in it. Ids only: no text and no device.

import { DataError } from "../engine/errors.ts";
import { mix, Random } from "../engine/random.ts";
import type { TokenBatch } from "../model/index.ts";

/** The rows of a batch are filled up to a multiple of this: whole vectors and tiles for the kernels. */
const ROW_STEP = 16;

/**
 * The batches of one training epoch as example indices, a plain shuffle: each example once, the last batch may be partial.
 * The order depends on (seed, epoch) only, so a resumed run finds its place again. Lengths need no grouping: packed batches
 * hold no padding.
 */
export function planEpoch(plan: {
  count: number;
  batchSize: number;
  seed: number;
  epoch: number;
}): number[][] {
  const { count, batchSize } = plan;
  checkBatchSize(batchSize);
  const random = new Random(mix(plan.seed, plan.epoch));
  return cut(random.shuffle(Array.from({ length: count }, (_, i) => i)), batchSize);
}

/**
 * Batches for evaluation: example indices, longest texts first, so that the largest batch, which may not fit the device,
 * comes at once. Results go back to input order through the indices.
 */
export function evalBatches(lengths: ArrayLike<number>, batchSize: number): number[][] {
  checkBatchSize(batchSize);
  const order = Array.from({ length: lengths.length }, (_, i) => i);
  return cut(order.sort(byLength(lengths)), batchSize);
}

/** Rows of a batch whose texts have `tokens` in all. */
export function filledRows(tokens: number): number {
  return Math.ceil(tokens / ROW_STEP) * ROW_STEP;
}

/**
 * Puts rows of token ids one after another, packed; with `padTo` each is padded to that many tokens first, as the reference
 * does. The last text owns the padding at the end. Throws DataError for an empty batch, an empty row, or one that is longer
 * than `maxLength`.
 */
export function collate(
  rows: readonly ArrayLike<number>[],
  layout: { maxLength: number; padId: number; padTo?: number | undefined },
): TokenBatch {
  const { maxLength, padId, padTo } = layout;
  const B = rows.length;
  const lengths = Uint32Array.from(rows, (row) => row.length);
  const limit = padTo ?? maxLength;
  if (B === 0 || lengths.some((length) => length === 0 || length > limit)) {
    const got = B === 0 ? "no row" : `row lengths ${lengths.join(", ")}`;
    throw new DataError(`collate: rows must have 1 to ${limit} tokens; got ${got}.`);
  }
  const first = new Uint32Array(B);
  for (let b = 1; b < B; b++) first[b] = first[b - 1]! + (padTo ?? lengths[b - 1]!);
  const ids = new Uint32Array(filledRows(first[B - 1]! + (padTo ?? lengths[B - 1]!))).fill(padId); // [R]
  rows.forEach((row, b) => ids.set(row, first[b]));
  return { B, ids, first, lengths };
}

function checkBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new DataError(`batches: the batch size must be a positive integer; got ${batchSize}.`);
}

/** Longest first; equal ones in the order they came in. */
function byLength(lengths: ArrayLike<number>): (i: number, j: number) => number {
  return (i, j) => (lengths[j] ?? 0) - (lengths[i] ?? 0);
}

function cut(order: readonly number[], size: number): number[][] {
  const pieces: number[][] = [];
  for (let start = 0; start < order.length; start += size)
    pieces.push(order.slice(start, start + size));
  return pieces;
}
