// Cuts a data set into training, validation and test rows.

import { DataError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";

/** Row indices from 0, ascending; each row of the input stands in exactly one of the three. */
export interface Split {
  train: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

/**
 * Splits rows at random by ratios; the same seed gives the same split on any machine.
 * Sizes are exact by largest remainder, ties to the later set: 89,796 rows at 70:15:15 give 62,857 / 13,469 / 13,470, as
 * two calls of scikit-learn's `train_test_split` do. With class ids, each class is spread in the same proportions (each
 * share rounded down or up), and keeps a row in training where that is possible.
 * @param rows class ids to stratify by, or a row count to split without
 * @param ratios training, validation, test: parts of any scale, 0 for no such set
 * Throws DataError for unusable ratios, or when a wanted set would get no row.
 */
export function splitIndices(
  rows: ArrayLike<number> | number,
  ratios: readonly [number, number, number],
  seed: number,
): Split {
  const total = ratios[0] + ratios[1] + ratios[2];
  if (ratios.some((ratio) => !(ratio >= 0)) || !(ratios[0] > 0) || !Number.isFinite(total)) {
    throw new DataError(
      `split: ratios must be three numbers of 0 or more, the first above 0; got ${ratios.join(":")}.`,
    );
  }
  const count = typeof rows === "number" ? rows : rows.length;
  const sizes = apportion(count, ratios);
  if (sizes.some((size, i) => size === 0 && ratios[i] !== 0)) {
    throw new DataError(
      `split: each set must get a row; got ${count} rows for ${ratios.join(":")}. Use more rows or fewer sets.`,
    );
  }

  const random = new Random(seed);
  const classes = groupRows(rows, count).map((members) => random.shuffle(members));
  const left = classes.map((members) => members.length);
  // Each set takes its share of what the sets before it left, training last: so rows and columns both add up exactly.
  const take = (size: number, keepOne: boolean): Uint32Array => {
    // A class down to its last row keeps it for training, unless the other classes have too few.
    const spare = left.reduce((sum, n) => sum + Math.max(0, n - 1), 0);
    const shares =
      keepOne && spare >= size
        ? apportion(
            size,
            left.map((n) => (n > 1 ? n : 0)),
            true,
          )
        : apportion(size, left);
    const taken = classes.flatMap((members, c) => {
      const end = left[c] ?? 0;
      left[c] = end - (shares[c] ?? 0);
      return members.slice(left[c], end);
    });
    return Uint32Array.from(taken).sort();
  };
  const [trainSize = 0, validationSize = 0, testSize = 0] = sizes;
  const test = take(testSize, true);
  const validation = take(validationSize, true);
  return { train: take(trainSize, false), validation, test };
}

function groupRows(rows: ArrayLike<number> | number, count: number): number[][] {
  if (typeof rows === "number") return [Array.from({ length: count }, (_, i) => i)];
  const groups = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const id = rows[i] ?? 0;
    const members = groups.get(id);
    if (members === undefined) groups.set(id, [i]);
    else members.push(i);
  }
  // By class id, so that the split does not depend on which class comes first in the file.
  return [...groups].sort(([a], [b]) => a - b).map(([, members]) => members);
}

/**
 * Whole parts of `size` in proportion to `weights` by largest remainder (Hamilton), ties to the later part.
 * `keepOne` rounds no part up to its whole weight while another can take the row.
 */
function apportion(size: number, weights: readonly number[], keepOne = false): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return weights.map(() => 0);
  const quotas = weights.map((weight) => (size * weight) / total);
  const parts = quotas.map(Math.floor);
  const missing = size - parts.reduce((sum, part) => sum + part, 0);
  const isWhole = (i: number) => keepOne && (parts[i] ?? 0) + 1 >= (weights[i] ?? 0);
  const remainder = (i: number) => (quotas[i] ?? 0) - (parts[i] ?? 0);
  const order = quotas
    .map((_, i) => i)
    .filter((i) => weights[i] !== 0)
    .sort(
      (i, j) => Number(isWhole(i)) - Number(isWhole(j)) || remainder(j) - remainder(i) || j - i,
    );
  for (const i of order.slice(0, missing)) parts[i] = (parts[i] ?? 0) + 1;
  return parts;
}
