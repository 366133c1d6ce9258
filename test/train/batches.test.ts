import { describe, expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { collate, evalBatches, planEpoch } from "../../train/batches.ts";

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const row = (length: number) => upTo(length).map((t) => 100 + t);
const random = new Random(11);
const lengths = upTo(1003).map(() => 3 + random.int(400));
const plan = { lengths, batchSize: 16, seed: 42, epoch: 0, lengthBuckets: true };

/** Tokens a set of batches is padded to, each to its longest. */
const padded = (batches: number[][]) =>
  batches.reduce(
    (sum, batch) => sum + batch.length * Math.max(...batch.map((i) => lengths[i] ?? 0)),
    0,
  );

describe.each([true, false])("an epoch's batches, length buckets %s", (lengthBuckets) => {
  it("hold each example once, all full but one", () => {
    const batches = planEpoch({ ...plan, lengthBuckets });
    expect(batches.flat().sort((a, b) => a - b)).toEqual(upTo(1003));
    expect(batches.length).toBe(63);
    expect(batches.filter((batch) => batch.length !== 16).map((batch) => batch.length)).toEqual([
      11,
    ]);
  });

  it("are the same for the same seed and epoch, and others for another", () => {
    const batches = planEpoch({ ...plan, lengthBuckets });
    expect(planEpoch({ ...plan, lengthBuckets })).toEqual(batches);
    expect(planEpoch({ ...plan, lengthBuckets, epoch: 1 })).not.toEqual(batches);
    expect(planEpoch({ ...plan, lengthBuckets, seed: 43 })).not.toEqual(batches);
  });

  it("work for fewer examples than a batch holds, and for none", () => {
    const few = planEpoch({ ...plan, lengths: [5, 4, 3], lengthBuckets });
    expect(few.map((batch) => batch.toSorted((a, b) => a - b))).toEqual([[0, 1, 2]]);
    expect(planEpoch({ ...plan, lengths: [], lengthBuckets })).toEqual([]);
  });
});

describe("batches", () => {
  it("of like length save most of the padding, and still change company every epoch", () => {
    const real = lengths.reduce((sum, length) => sum + length, 0);
    const plain = padded(planEpoch({ ...plan, lengthBuckets: false })) / real;
    const bucketed = padded(planEpoch(plan)) / real;
    expect(plain).toBeGreaterThan(1.6);
    expect(bucketed).toBeLessThan(1.15);
    const companions = (epoch: number) =>
      planEpoch({ ...plan, epoch }).find((batch) => batch.includes(0));
    expect(companions(0)).not.toEqual(companions(1));
  });

  it("of like length do not come in the order of length", () => {
    const longest = planEpoch(plan).map((batch) => Math.max(...batch.map((i) => lengths[i] ?? 0)));
    const rises = longest.filter((length, b) => b > 0 && length > (longest[b - 1] ?? 0)).length;
    expect(rises).toBeGreaterThan(15); // of 62 neighbours about half
    expect(rises).toBeLessThan(47);
  });

  it("for evaluation go from long to short and name each example once", () => {
    const batches = evalBatches([3, 9, 5, 9, 1], 2);
    expect(batches).toEqual([[1, 3], [2, 0], [4]]);
    expect(
      evalBatches(lengths, 64)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(upTo(1003));
  });

  it("refuse a batch size that is none", () => {
    for (const batchSize of [0, -1, 1.5, Number.NaN]) {
      expect(() => planEpoch({ ...plan, batchSize })).toThrow("positive integer");
      expect(() => evalBatches(lengths, batchSize)).toThrow("positive integer");
    }
  });
});

describe("collate", () => {
  const pad = { padTo: "longest", maxLength: 512, padId: 7 } as const;

  it("pads to the longest row, rounded up to 16", () => {
    const batch = collate([row(3), row(17)], pad);
    expect([batch.B, batch.T]).toEqual([2, 32]);
    expect([...batch.lengths]).toEqual([3, 17]);
    expect([...batch.ids]).toEqual([
      ...row(3),
      ...upTo(29).map(() => 7),
      ...row(17),
      ...upTo(15).map(() => 7),
    ]);
    expect(collate([row(16)], pad).T).toBe(16);
    expect(collate([row(5)], { ...pad, multipleOf: 1 }).T).toBe(5);
  });

  it("does not round above the maximum length", () => {
    expect(collate([row(20)], { ...pad, maxLength: 20 }).T).toBe(20);
    expect(collate([row(20)], { ...pad, maxLength: 40 }).T).toBe(32);
  });

  it("pads to a fixed width when told to", () => {
    expect(collate([row(3)], { ...pad, padTo: 512 }).T).toBe(512);
    expect(collate([Uint32Array.from(row(3))], { ...pad, padTo: 5 }).ids).toEqual(
      Uint32Array.of(100, 101, 102, 7, 7),
    );
  });

  it("refuses an empty batch, an empty row and one that is too long", () => {
    expect(() => collate([], pad)).toThrow("got no row");
    expect(() => collate([row(3), []], pad)).toThrow("row lengths 3, 0");
    expect(() => collate([row(3)], { ...pad, maxLength: 2 })).toThrow("1 to 2 tokens");
    expect(() => collate([row(6)], { ...pad, padTo: 5 })).toThrow("1 to 5 tokens");
  });
});
