import { describe, expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { collate, evalBatches, planEpoch } from "../../train/batches.ts";

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const row = (length: number) => upTo(length).map((t) => 100 + t);
const random = new Random(11);
const lengths = upTo(1003).map(() => 3 + random.int(400));
const plan = { count: 1003, batchSize: 16, seed: 42, epoch: 0 };

describe("an epoch's batches", () => {
  it("hold each example once, all full but the last", () => {
    const batches = planEpoch(plan);
    expect(batches.flat().sort((a, b) => a - b)).toEqual(upTo(1003));
    expect(batches.length).toBe(63);
    expect(batches.slice(0, -1).every((batch) => batch.length === 16)).toBe(true);
    expect(batches.at(-1)).toHaveLength(11);
  });

  it("are the same for the same seed and epoch, and others for another", () => {
    const batches = planEpoch(plan);
    expect(planEpoch(plan)).toEqual(batches);
    expect(planEpoch({ ...plan, epoch: 1 })).not.toEqual(batches);
    expect(planEpoch({ ...plan, seed: 43 })).not.toEqual(batches);
  });

  it("work for fewer examples than a batch holds, and for none", () => {
    const few = planEpoch({ ...plan, count: 3 });
    expect(few.map((batch) => batch.toSorted((a, b) => a - b))).toEqual([[0, 1, 2]]);
    expect(planEpoch({ ...plan, count: 0 })).toEqual([]);
  });
});

describe("batches", () => {
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
  const layout = { maxLength: 512, padId: 7 };

  it("packs texts one after another and fills up to a multiple of 16 rows", () => {
    const batch = collate([row(3), row(17)], layout);
    expect(batch.B).toBe(2);
    expect([...batch.lengths]).toEqual([3, 17]);
    expect([...batch.first]).toEqual([0, 3]);
    expect([...batch.ids]).toEqual([...row(3), ...row(17), ...upTo(12).map(() => 7)]);
    expect(collate([row(16)], layout).ids).toHaveLength(16);
  });

  it("pads each text to a fixed width when told to", () => {
    const batch = collate([row(3), row(4)], { ...layout, padTo: 8 });
    expect([...batch.first]).toEqual([0, 8]);
    expect([...batch.ids]).toEqual([...row(3), 7, 7, 7, 7, 7, ...row(4), 7, 7, 7, 7]);
  });

  it("refuses an empty batch, an empty row and one that is too long", () => {
    expect(() => collate([], layout)).toThrow("got no row");
    expect(() => collate([row(3), []], layout)).toThrow("row lengths 3, 0");
    expect(() => collate([row(3)], { ...layout, maxLength: 2 })).toThrow("1 to 2 tokens");
    expect(() => collate([row(6)], { ...layout, padTo: 5 })).toThrow("1 to 5 tokens");
  });
});
