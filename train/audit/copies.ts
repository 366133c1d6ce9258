// Counts copies inside and across sets, and labels that contradict each other, from the groups of equal texts.

import { type DuplicateGroups, NEAR_JACCARD } from "./near-duplicates.ts";
import type { CopyCounts, Sameness } from "./report.ts";

const KINDS = ["exact", "folded", "near"] as const satisfies readonly Sameness[];
const EXAMPLES = 3;

/** Where the rows of each set begin in the numbering over all sets. */
export interface SetRange {
  name: string;
  start: number;
  /** Just after its last row. */
  end: number;
}

export interface Copies {
  inside: Record<string, CopyCounts>;
  across: { set: string; of: string; rows: CopyCounts; share: number }[];
  nearJaccard: number;
  shingleWords: number;
  /** Row numbers. */
  pairs: { sameness: Sameness; rows: [number, number] }[];
}

/** @param sets in the order train, validation, test: a later one is held against each earlier one */
export function countCopies(groups: DuplicateGroups, sets: readonly SetRange[]): Copies {
  const inside = Object.fromEntries(
    sets.map((set) => [set.name, forEachKind((kind) => copiesInside(groups[kind], set))]),
  );
  const across = sets.flatMap((set, i) =>
    sets.slice(0, i).map((of) => {
      const rows = forEachKind((kind) => copiesOf(groups[kind], set, of).length);
      return { set: set.name, of: of.name, rows, share: rows.near / (set.end - set.start) };
    }),
  );
  const { shingleWords } = groups;
  return { inside, across, nearJaccard: NEAR_JACCARD, shingleWords, pairs: pairs(groups, sets) };
}

function forEachKind(count: (kind: Sameness) => number): CopyCounts {
  return { exact: count("exact"), folded: count("folded"), near: count("near") };
}

function copiesInside(group: Uint32Array, { start, end }: SetRange): number {
  return end - start - new Set(group.subarray(start, end)).size;
}

/** Rows of `set` whose group has a row of `of`, each with that row. */
function copiesOf(group: Uint32Array, set: SetRange, of: SetRange): [number, number][] {
  const there = new Map<number, number>();
  for (let row = of.end - 1; row >= of.start; row--) there.set(group[row] ?? row, row);
  const found: [number, number][] = [];
  for (let row = set.start; row < set.end; row++) {
    const other = there.get(group[row] ?? row);
    if (other !== undefined) found.push([other, row]);
  }
  return found;
}

/** A few of each kind that are of no stricter kind, across sets before inside one. */
function pairs(groups: DuplicateGroups, sets: readonly SetRange[]): Copies["pairs"] {
  return KINDS.flatMap((sameness, level) => {
    const stricter = groups[KINDS[level - 1] ?? "exact"];
    const group = groups[sameness];
    const isNew = ([a, b]: [number, number]): boolean => level === 0 || stricter[a] !== stricter[b];
    const found = sets.flatMap((set, i) =>
      sets.slice(0, i).flatMap((of) => copiesOf(group, set, of).filter(isNew).slice(0, EXAMPLES)),
    );
    for (const { start, end } of sets) {
      const firsts = new Map<number, number>(); // of this set: copies of another set's rows are there already
      for (let row = start; row < end && found.length < EXAMPLES; row++) {
        const first = firsts.get(group[row] ?? row);
        if (first === undefined) firsts.set(group[row] ?? row, row);
        else if (isNew([first, row])) found.push([first, row]);
      }
    }
    return found.slice(0, EXAMPLES).map((rows) => ({ sameness, rows }));
  });
}

/** Groups of rows with more than one label, each group in row order. */
export function conflictingRows(group: Uint32Array, labels: readonly number[]): number[][] {
  const members = new Map<number, number[]>();
  group.forEach((first, row) => {
    const rows = members.get(first);
    if (rows === undefined) members.set(first, [row]);
    else rows.push(row);
  });
  return [...members.values()].filter((rows) =>
    rows.some((row) => labels[row] !== labels[rows[0] ?? row]),
  );
}
