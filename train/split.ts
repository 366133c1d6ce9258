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

/**
 * Splits like `splitIndices`, but rows of one group always fall into the same set; sizes are met as nearly as whole
 * groups allow, exactly where there are enough rows that stand alone. A group is spread as its most frequent class.
 * @param rows class ids to stratify by, or a row count to split without
 * @param groups a number for each row; rows with the same number belong together
 * Throws DataError for unusable ratios, or when a wanted set would get no row.
 */
export function splitGroups(
  rows: ArrayLike<number> | number,
  groups: ArrayLike<number>,
  ratios: readonly [number, number, number],
  seed: number,
): Split {
  splitIndices(rows, ratios, seed); // for its checks
  const count = typeof rows === "number" ? rows : rows.length;
  const members = groupRows(groups, count);
  const classOf = (row: number): number => (typeof rows === "number" ? 0 : (rows[row] ?? 0));
  const strata = new Map<number, number[][]>();
  for (const group of members) {
    const id = mostFrequent(group.map(classOf));
    const stratum = strata.get(id);
    if (stratum === undefined) strata.set(id, [group]);
    else stratum.push(group);
  }

  const random = new Random(seed);
  const sets: [number[], number[], number[]] = [[], [], []];
  // What every set still lacks over all classes: a rounding that one class leaves is made good by the next.
  const lacking = apportion(count, ratios);
  for (const [, stratum] of [...strata].sort(([a], [b]) => a - b)) {
    const size = stratum.reduce((sum, group) => sum + group.length, 0);
    const shares = apportion(
      size,
      lacking.map((n) => Math.max(0, n)),
    );
    const order = random.shuffle(stratum).sort((a, b) => b.length - a.length);
    for (const group of order) {
      const set = drawSet(shares, group.length, random);
      for (const row of group) sets[set]!.push(row); // more than a call takes as arguments
      shares[set] = (shares[set] ?? 0) - group.length;
      lacking[set] = (lacking[set] ?? 0) - group.length;
    }
  }
  const empty = sets.findIndex((set, i) => set.length === 0 && ratios[i] !== 0);
  if (empty !== -1) {
    throw new DataError(
      `split: each set must get a row; got too few groups of copies for ${ratios.join(":")}. Use more rows or fewer sets.`,
    );
  }
  const [train, validation, test] = sets.map((set) => Uint32Array.from(set).sort());
  return { train: train!, validation: validation!, test: test! };
}

/** A set with room for `size` rows, each with a chance in proportion to its room; else the one with most room. */
function drawSet(room: readonly number[], size: number, random: Random): number {
  const fitting = room.map((n) => (n >= size ? n : 0));
  const total = fitting.reduce((sum, n) => sum + n, 0);
  if (total === 0) return room.indexOf(Math.max(...room));
  let at = random.int(total);
  for (const [set, n] of fitting.entries()) {
    if (at < n) return set;
    at -= n;
  }
  return 0;
}

/** The value that stands most often; the smallest of equals. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || a - b);
  return sorted[0]?.[0] ?? 0;
}
