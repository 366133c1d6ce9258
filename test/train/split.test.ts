import { describe, expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { type Split, splitGroups, splitIndices } from "../../train/split.ts";

const sizes = ({ train, validation, test }: Split) => [
  train.length,
  validation.length,
  test.length,
];
const all = ({ train, validation, test }: Split) => [...train, ...validation, ...test];
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const ofClass = (indices: Uint32Array, labels: number[], id: number) =>
  [...indices].filter((i) => labels[i] === id).length;

describe("split", () => {
  it("gives the reference's sizes for its 89,796 rows", () => {
    expect(sizes(splitIndices(89_796, [70, 15, 15], 42))).toEqual([62_857, 13_469, 13_470]);
  });

  it("puts each row into exactly one set, at any size, with and without classes", () => {
    const random = new Random(1);
    for (const n of [7, 20, 101, 1000, 4999]) {
      const labels = upTo(n).map(() => random.int(5));
      for (const rows of [n, labels]) {
        const split = splitIndices(rows, [0.7, 0.15, 0.15], 3);
        expect(all(split).sort((a, b) => a - b)).toEqual(upTo(n));
        for (const set of [split.train, split.validation, split.test]) {
          expect([...set]).toEqual([...set].sort((a, b) => a - b));
        }
      }
    }
  });

  it("spreads each class in proportion, to a row", () => {
    const random = new Random(2);
    const labels = upTo(2003).map(() => (random.uniform() < 0.9 ? 0 : 1 + random.int(3)));
    const split = splitIndices(labels, [70, 15, 15], 5);
    expect(sizes(split)).toEqual([1402, 300, 301]);
    for (const id of [0, 1, 2, 3]) {
      const count = labels.filter((label) => label === id).length;
      for (const [set, share] of [
        [split.train, 0.7],
        [split.validation, 0.15],
        [split.test, 0.15],
      ] as const) {
        expect(Math.abs(ofClass(set, labels, id) - count * share)).toBeLessThan(2);
      }
    }
  });

  it("keeps a row of a rare class in training", () => {
    const labels = upTo(100).map((i) => (i < 3 ? 1 + i : 0)); // three classes of one row each
    for (let seed = 0; seed < 20; seed++) {
      const { train } = splitIndices(labels, [34, 33, 33], seed);
      expect([...train].slice(0, 3)).toEqual([0, 1, 2]);
    }
  });

  it("still fills every set when each row is a class of its own", () => {
    const split = splitIndices(upTo(20), [70, 15, 15], 1);
    expect(sizes(split)).toEqual([14, 3, 3]);
    expect(all(split).sort((a, b) => a - b)).toEqual(upTo(20));
  });

  it("depends on the seed, and on nothing else", () => {
    const labels = upTo(200).map((i) => i % 2);
    const once = all(splitIndices(labels, [70, 15, 15], 42));
    expect(all(splitIndices(labels, [70, 15, 15], 42))).toEqual(once);
    expect(all(splitIndices(labels, [0.7, 0.15, 0.15], 42))).toEqual(once);
    expect(all(splitIndices(labels, [70, 15, 15], 43))).not.toEqual(once);
  });

  it("is random inside a class: each row lands in the test set about as often", () => {
    const hits = upTo(20).map(() => 0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const i of splitIndices(20, [50, 25, 25], seed).test) hits[i] = (hits[i] ?? 0) + 1;
    }
    for (const count of hits) expect(Math.abs(count - 500)).toBeLessThan(100); // deviation 19
  });

  it("leaves out a set with ratio 0", () => {
    expect(sizes(splitIndices(10, [80, 0, 20], 1))).toEqual([8, 0, 2]);
    expect(sizes(splitIndices(10, [1, 0, 0], 1))).toEqual([10, 0, 0]);
  });

  it("refuses ratios that are none, and sets that would be empty", () => {
    expect(() => splitIndices(10, [0, 50, 50], 1)).toThrow("got 0:50:50");
    expect(() => splitIndices(10, [70, -15, 45], 1)).toThrow("got 70:-15:45");
    expect(() => splitIndices(10, [70, Number.NaN, 15], 1)).toThrow("NaN");
    expect(() => splitIndices(10, [Number.POSITIVE_INFINITY, 1, 1], 1)).toThrow("Infinity");
    expect(() => splitIndices(2, [70, 15, 15], 1)).toThrow("got 2 rows");
    expect(() => splitIndices([], [70, 15, 15], 1)).toThrow("got 0 rows");
  });
});

describe("split by groups", () => {
  const random = new Random(11);
  const labels = upTo(1000).map((i) => i % 3);
  // A third of the rows in groups of 2 to 5, mostly of one class; the others alone.
  const groups = labels.map((_, i) => i);
  for (let i = 0; i < 300; i += 5) {
    const size = 2 + random.int(4);
    for (let j = 1; j < size; j++) groups[i + j * 200 < 1000 ? i + j * 200 : i + j] = i;
  }
  const setsOf = (split: Split): number[] => {
    const sets: number[] = [];
    [split.train, split.validation, split.test].forEach((rows, set) => {
      for (const row of rows) sets[row] = set;
    });
    return sets;
  };

  it("keeps every group whole, every row once, and the sizes of a plain split", () => {
    for (const seed of [1, 2, 3]) {
      const split = splitGroups(labels, groups, [70, 15, 15], seed);
      expect(all(split).sort((a, b) => a - b)).toEqual(upTo(1000));
      expect(sizes(split)).toEqual([700, 150, 150]);
      const sets = setsOf(split);
      groups.forEach((group, row) => expect(sets[row]).toBe(sets[groups.indexOf(group)]));
    }
  });

  it("spreads each class and the groups themselves over all sets", () => {
    const split = splitGroups(labels, groups, [70, 15, 15], 4);
    for (const id of [0, 1, 2]) {
      expect(Math.abs(ofClass(split.test, labels, id) - 50)).toBeLessThan(8);
    }
    const inGroups = [...split.test].filter(
      (row) => groups.filter((g) => g === groups[row]).length > 1,
    );
    expect(inGroups.length).toBeGreaterThan(10);
  });

  it("repeats itself with the same seed alone", () => {
    const run = (seed: number) => splitGroups(1000, groups, [70, 15, 15], seed);
    expect(run(5)).toEqual(run(5));
    expect(run(5)).not.toEqual(run(6));
  });

  it("takes a group of more rows than a call takes arguments", () => {
    const large = Uint32Array.from({ length: 300_000 }, (_, row) => (row < 200_000 ? 0 : row));
    const split = splitGroups(large.length, large, [70, 15, 15], 1);
    expect(sizes(split)).toEqual([210_000, 45_000, 45_000]);
  });

  it("does not break a group that is larger than any set should be", () => {
    const split = splitGroups(
      20,
      upTo(20).map((i) => (i < 15 ? 0 : i)),
      [60, 20, 20],
      1,
    );
    expect([...split.train]).toEqual(expect.arrayContaining(upTo(15)));
    expect(split.validation.length + split.test.length).toBe(5);
  });

  it("says so when there are fewer groups than sets", () => {
    expect(() =>
      splitGroups(
        20,
        upTo(20).map(() => 0),
        [70, 15, 15],
        1,
      ),
    ).toThrow("too few groups of copies for 70:15:15");
  });
});
