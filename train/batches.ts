// Which examples go together in a batch, in what order, and how they are padded. Ids only: no text and no device.

import { DataError } from "../engine/errors.ts";
import { mix, Random } from "../engine/random.ts";
import type { TokenBatch } from "../model/index.ts";

/** Batches are padded to a multiple of this, so that few shapes exist. */
const LENGTH_STEP = 16;

// transformers' group_by_length (`get_length_grouped_indices`) looks at this many batches at once, fewer for a small set.
const MEGA_BATCH = 50;

/**
 * The batches of one training epoch as example indices: each example once, the last batch may be partial.
 * The order depends on (seed, epoch) only, so a resumed run finds its place again.
 * With `lengthBuckets` texts of like length meet in a batch, which saves padding: shuffled, cut into mega-batches of up to
 * 50 batches (and into at least 4 of them), sorted by length inside each, then the batches are shuffled.
 * @param lengths tokens of each example
 */
export function planEpoch(plan: {
  lengths: ArrayLike<number>;
  batchSize: number;
  seed: number;
  epoch: number;
  lengthBuckets: boolean;
}): number[][] {
  const { lengths, batchSize } = plan;
  checkBatchSize(batchSize);
  const random = new Random(mix(plan.seed, plan.epoch));
  const order = random.shuffle(Array.from({ length: lengths.length }, (_, i) => i));
  if (!plan.lengthBuckets) return cut(order, batchSize);
  const batchesAtOnce = Math.max(
    1,
    Math.min(MEGA_BATCH, Math.floor(lengths.length / (batchSize * 4))),
  );
  const batches = cut(order, batchSize * batchesAtOnce).flatMap((mega) =>
    cut(mega.sort(byLength(lengths)), batchSize),
  );
  return random.shuffle(batches);
}

/**
 * Batches for evaluation: example indices, longest texts first, so that padding is least and the largest batch, which may
 * not fit the device, comes at once. Results go back to input order through the indices.
 */
export function evalBatches(lengths: ArrayLike<number>, batchSize: number): number[][] {
  checkBatchSize(batchSize);
  const order = Array.from({ length: lengths.length }, (_, i) => i);
  return cut(order.sort(byLength(lengths)), batchSize);
}

/** The width of a batch whose longest row has `longest` tokens: rounded up, but never above `maxLength`. */
export function paddedLength(longest: number, maxLength: number, multipleOf = LENGTH_STEP): number {
  return Math.min(Math.ceil(longest / multipleOf) * multipleOf, maxLength);
}

/**
 * Pads rows of token ids to one width T.
 * @param padTo "longest": the longest row, rounded up to `multipleOf` (default 16) so that few shapes exist, but never above
 *   `maxLength`; a number: that width exactly
 * Throws DataError for an empty batch, an empty row, or one longer than T may be.
 */
export function collate(
  rows: readonly ArrayLike<number>[],
  pad: { padTo: "longest" | number; maxLength: number; padId: number; multipleOf?: number },
): TokenBatch {
  const { padTo, maxLength, padId, multipleOf = LENGTH_STEP } = pad;
  const B = rows.length;
  const lengths = Uint32Array.from(rows, (row) => row.length);
  const longest = Math.max(...lengths);
  const limit = padTo === "longest" ? maxLength : padTo;
  if (B === 0 || lengths.includes(0) || longest > limit) {
    const got = B === 0 ? "no row" : `row lengths ${lengths.join(", ")}`;
    throw new DataError(`collate: rows must have 1 to ${limit} tokens; got ${got}.`);
  }
  const T = padTo === "longest" ? paddedLength(longest, maxLength, multipleOf) : padTo;
  const ids = new Uint32Array(B * T).fill(padId); // [B, T]
  rows.forEach((row, b) => ids.set(row, b * T));
  return { B, T, ids, lengths };
}

function checkBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new DataError(`batches: the batch size must be a positive integer; got ${batchSize}.`);
}

/** Longest first; a stable sort leaves equal lengths in the (shuffled) order they came in. */
function byLength(lengths: ArrayLike<number>): (i: number, j: number) => number {
  return (i, j) => (lengths[j] ?? 0) - (lengths[i] ?? 0);
}

function cut(order: readonly number[], size: number): number[][] {
  const pieces: number[][] = [];
  for (let start = 0; start < order.length; start += size)
    pieces.push(order.slice(start, start + size));
  return pieces;
}
