import { embedding as kernels } from "../../kernels/embedding.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import { launchEach } from "../each.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";
import { fillInto } from "./fill.ts";

/** Tokens one thread adds up at most, so that frequent rows do not serialise. */
const CHUNK = 32;

/** Groups of items with one owner each, as offsets into a list; `targets` are element offsets of the owners' rows. */
export interface Owners {
  readonly offsets: Uint32Array;
  readonly items: Uint32Array;
  readonly targets: Uint32Array;
}

/** Bits of an offset that one pass of the sort goes by. */
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The places in `index` of all rows but those of `skip`, by row and then as they come. A radix sort: the host must keep ahead
 * of a fast device, and of 50,000 places TypedArray.sort takes as long as all its launches.
 */
function byRow(index: Uint32Array, skip: ReadonlySet<number>): Uint32Array {
  let order = new Uint32Array(index.length);
  let [kept, last] = [0, 0];
  for (let at = 0; at < index.length; at++) {
    const row = index[at]!;
    if (skip.has(row)) continue;
    order[kept++] = at;
    if (row > last) last = row;
  }
  order = order.subarray(0, kept);
  let sorted = new Uint32Array(kept);
  for (let shift = 0; last >>> shift > 0 && shift < 32; shift += DIGIT_BITS) {
    const ends = new Uint32Array(DIGITS + 1); // of the digits before each, then of each as its places are filled
    for (const at of order) ends[((index[at]! >>> shift) % DIGITS) + 1]!++;
    for (let digit = 0; digit < DIGITS; digit++) ends[digit + 1]! += ends[digit]!;
    for (const at of order) sorted[ends[(index[at]! >>> shift) % DIGITS]!++] = at;
    [order, sorted] = [sorted, order];
  }
  return order;
}

/**
 * Buckets positions by table row. index: [S][R] element offsets of rows; the positions of `skip` rows are left out.
 * Returns two levels: positions into chunks of at most CHUNK, then chunks into rows, rows in ascending order.
 */
export function bucketRows(
  index: Uint32Array,
  R: number,
  C: number,
  skip: ReadonlySet<number>,
): { chunks: Owners; rows: Owners } {
  const order = byRow(index, skip);
  const chunkOffsets = [0];
  const rowOffsets = [0];
  const rowTargets: number[] = [];
  for (let from = 0; from < order.length;) {
    const row = index[order[from]!]!;
    let to = from;
    while (to < order.length && index[order[to]!] === row) to++;
    for (; from < to; from = Math.min(from + CHUNK, to))
      chunkOffsets.push(Math.min(from + CHUNK, to));
    rowOffsets.push(chunkOffsets.length - 1);
    rowTargets.push(row);
  }
  const count = chunkOffsets.length - 1;
  return {
    chunks: {
      offsets: Uint32Array.from(chunkOffsets),
      items: order.map((at) => at % R), // the position in dy: [R, C]
      targets: new Uint32Array(count).map((_, i) => i * C),
    },
    rows: {
      offsets: Uint32Array.from(rowOffsets),
      items: new Uint32Array(count).map((_, i) => i),
      targets: Uint32Array.from(rowTargets),
    },
  };
}

/**
 * y[r] = sum over s of the table row that starts at element index[s * R + r]: the word, position and type embeddings of
 * a token, whose tables lie in one buffer. table: flat, index: [S * R], returns [R, C].
 * Rows that start at an element of `frozen` get no gradient (the padding row). Throws ShapeError for an index out of range.
 */
export function embedding(
  gpu: Gpu,
  table: Tensor,
  index: Uint32Array,
  R: number,
  C: number,
  frozen: ReadonlySet<number> = new Set(),
): Tensor {
  let [last, bits] = [0, 0];
  for (const at of index) {
    if (at > last) last = at;
    bits |= at;
  }
  const outside = last + C > table.size;
  if (outside || index.length % R !== 0) {
    throw new ShapeError(
      `embedding: ${index.length} offsets of rows [${C}] must lie in a table of ${table.size} elements for ${R} tokens; got ${outside ? last : "a ragged list"}.`,
    );
  }
  const S = index.length / R;
  const uploaded = gpu.upload(index, [S, R]);
  const y = gpu.empty([R, C]);
  const buffers = { index: uploaded, table, y };
  // Rows may start anywhere, and a vec4 only at a multiple of 4.
  const anywhere = bits % 4 !== 0;
  const [kernel, columns] = anywhere ? ([kernels[1], C] as const) : ofWidth(kernels, C);
  launchEach(gpu, kernel, "forward", buffers, { R, C, S }, R * columns);
  return gpu.tape.record(y, [table], [uploaded], (dy, scratch) => [
    (dtable, accumulate) => {
      if (!accumulate) fillInto(gpu, dtable, 0);
      const { chunks, rows } = bucketRows(index, R, C, frozen);
      if (rows.targets.length === 0) return;
      // As long as the largest case, so that the buffers do not depend on the tokens.
      const most = Math.ceil(index.length / CHUNK) + index.length;
      const partial = scratch(gpu.empty([most, C]));
      const sum = (owners: Owners, source: Tensor, sums: Tensor, ACCUMULATE: boolean): void => {
        const padded = (values: Uint32Array, length: number): Tensor => {
          const whole = new Uint32Array(length);
          whole.set(values);
          return scratch(gpu.upload(whole));
        };
        const offsets = padded(owners.offsets, most + 1);
        const items = padded(owners.items, most);
        const targets = padded(owners.targets, most);
        const R = owners.targets.length;
        const all = { offsets, items, targets, source, sums };
        const params = { R, C, S: 0 };
        launchEach(gpu, kernel, "backward", all, params, R * columns, { ACCUMULATE });
      };
      sum(chunks, dy, partial, false);
      sum(rows, partial, dtable, true);
    },
  ]);
}
