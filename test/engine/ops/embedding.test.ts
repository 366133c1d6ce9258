import { describe, expect, it } from "vitest";
import { bucketRows, embedding } from "../../../engine/ops/embedding.ts";
import * as reference from "../../reference/embedding.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";
import { integers } from "../../support/random.ts";

const gpu = await openTestGpu();
const tolerance = { rtol: 1e-5, atol: 1e-5 }; // sums of up to 300 upstream values

function check(
  name: string,
  rows: number,
  C: number,
  index: Uint32Array,
  R: number,
  frozen?: ReadonlySet<number>,
) {
  return checkOp(gpu, {
    name,
    inputs: { table: [rows, C] },
    op: ({ table }) => embedding(gpu, table, index, R, C, frozen),
    forward: ({ table }) => reference.embedding(table, index, R, C),
    backward: (_, dy) => ({ table: reference.embeddingBackward(dy, index, rows * C, C, frozen) }),
    tolerance,
  });
}

const starts = (rows: Uint32Array, C: number): Uint32Array => rows.map((row) => row * C);

describe("embedding", () => {
  it("looks up one row", () => check("one row", 1, 1, Uint32Array.of(0), 1));

  it("sums three tables' rows per token, some rows used in many chunks of 32 tokens", () =>
    // 300 tokens over 5 words, 3 positions and 1 type: the type's row is used 300 times.
    check(
      "three tables",
      9,
      7,
      starts(
        Uint32Array.from([
          ...integers(1, 300, 5),
          ...integers(2, 300, 3).map((r) => r + 5),
          ...new Uint32Array(300).fill(8),
        ]),
        7,
      ),
      300,
    ));

  it.each([31, 32, 33, 64, 65])("adds up a row that is used %i times", (times) =>
    check(`${times} times`, 2, 3, new Uint32Array(times).fill(3), times),
  );

  it("takes rows wider than a workgroup", () =>
    check("wide", 20, 130, starts(integers(3, 50, 20), 130), 50));

  it("leaves a frozen row's gradient exactly as it was, also when nothing else is used", async () => {
    await check("frozen", 6, 4, starts(integers(4, 80, 6), 4), 80, new Set([0]));
    await check("all frozen", 6, 4, new Uint32Array(5), 5, new Set([0]));
  });

  it("buckets every use of every row once, in ascending order and chunks of at most 32", () => {
    const index = starts(integers(5, 2 * 100, 4), 6);
    const { chunks, rows } = bucketRows(index, 100, 6, new Set([6]));
    const uses = new Map<number, number[]>();
    rows.targets.forEach((target, r) => {
      const items: number[] = [];
      for (let k = rows.offsets[r]!; k < rows.offsets[r + 1]!; k++) {
        const chunk = rows.items[k]!;
        expect(chunks.targets[chunk]).toBe(chunk * 6);
        const [from, to] = [chunks.offsets[chunk]!, chunks.offsets[chunk + 1]!];
        expect(to - from).toBeLessThanOrEqual(32);
        items.push(...chunks.items.subarray(from, to));
      }
      uses.set(target, items);
    });
    const want = new Map<number, number[]>();
    for (const target of [0, 12, 18]) {
      want.set(
        target,
        [...index.keys()].filter((at) => index[at] === target).map((at) => at % 100),
      );
    }
    expect(uses).toEqual(want);
  });

  it("buckets rows anywhere in the largest tables, each once and in ascending order", () => {
    const places = [0, 2047, 2048, 4095, 1 << 21, (1 << 22) + 1, (1 << 22) - 1, 2 ** 30 - 1];
    const index = Uint32Array.from({ length: 500 }, (_, i) => places[(i * 7) % places.length]!);
    const { chunks, rows } = bucketRows(index, 500, 1, new Set([2048]));
    const kept = places.filter((at) => at !== 2048).toSorted((a, b) => a - b);
    expect([...rows.targets]).toEqual(kept);
    const of = (row: number) => [...index.keys()].filter((at) => index[at] === row);
    expect([...chunks.items]).toEqual(kept.flatMap(of));
  });

  it("refuses an offset past the table, and a ragged list", () => {
    const table = gpu.empty([4, 3]);
    expect(() => embedding(gpu, table, Uint32Array.of(0, 10), 2, 3)).toThrow(
      /table of 12 elements.*got 10/,
    );
    expect(() => embedding(gpu, table, Uint32Array.of(0, 3, 6), 2, 3)).toThrow("ragged");
  });
});
