import { describe, expect, it } from "vitest";
import type { Gpu } from "../../../engine/gpu.ts";
import { attention, sequenceRows } from "../../../engine/ops/attention.ts";
import * as reference from "../../reference/attention.ts";
import { keepFactor } from "../../reference/dropout.ts";
import { checkOp, parametersOf, project } from "../../support/check-op.ts";
import { expectClose } from "../../support/close.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";
import { layout } from "../../support/sequences.ts";

// A software adapter's own kernel, and what a GPU runs; with the head sizes where each works another way.
const KERNELS = [
  {
    kernel: "the adapter's kernel",
    gpu: await openTestGpu(),
    heads: [3, 4, 6, 16, 32, 64, 128],
    dropping: [3, 16],
  },
  {
    kernel: "a GPU's kernel",
    gpu: await openTestGpu({}, { software: false, vendor: "nvidia" }),
    heads: [3, 4, 128],
    dropping: [64],
  },
  {
    kernel: "the kernel of a GPU with few registers",
    gpu: await openTestGpu({}, { software: false, vendor: "intel" }),
    heads: [64, 128],
    dropping: [16],
  },
];
// exp has a relative error of 4e-6 on software adapters; scores of a few units round by 1e-6, sums run over 130 keys.
const tolerance = { rtol: 5e-5, atol: 3e-5 };
const HEADS = 2;
// The first compilation for large heads takes a software adapter up to a minute; later runs read it from its cache.
const COMPILING_MS = 300_000;
const KEY = { key0: 0x9e3779b9, key1: 12345 };

// More than a workgroup's queries and than a tile of keys, sequences of 1 token, rows that are padding.
const RAGGED = layout([
  [1, 1],
  [7, 7],
  [33, 20],
  [64, 64],
  [130, 129],
  [5, 1],
]);

// One less, as many and one more than a block, a tile or a workgroup holds.
const EDGES = [1, 3, 4, 5, 11, 12, 13, 15, 16, 17, 31, 32, 33, 43, 44, 45, 63, 64, 65, 71, 72, 73];

function check(gpu: Gpu, D: number, where: typeof RAGGED, p: number, spread = 1) {
  const shape = { R: where.R, heads: HEADS, D, sequences: where.sequences };
  const keep: reference.Keep = (query, key, head) =>
    p === 0 ? 1 : keepFactor(p, KEY, (query * HEADS + head) * where.span + key);
  return checkOp(gpu, {
    name: `attention D = ${D}, dropout ${p}`,
    inputs: { qkv: [where.R, 3 * HEADS * D] },
    op: ({ qkv }) =>
      attention(gpu, qkv, where.upload(gpu), HEADS, p === 0 ? undefined : { p, key: KEY }),
    forward: ({ qkv }) => reference.attention(qkv, shape, keep),
    backward: ({ qkv }, dy) => ({ qkv: reference.attentionBackward(qkv, dy, shape, keep) }),
    values: (_, size) => normals(9, size, spread),
    tolerance: { ...tolerance, atol: tolerance.atol * spread ** 3 },
  });
}

describe.each(KERNELS)("attention by $kernel", ({ gpu, heads, dropping }) => {
  it.each(heads)(
    "with heads of %i is the reference's on ragged sequences",
    (D) => check(gpu, D, RAGGED, 0),
    COMPILING_MS,
  );

  it.each(dropping)(
    "with heads of %i drops the pairs that the counter says",
    (D) => check(gpu, D, RAGGED, 0.25),
    COMPILING_MS,
  );

  it.each([
    { D: 4, lengths: [...EDGES, 512] },
    { D: 64, lengths: EDGES },
  ])(
    "with heads of $D takes lengths about every edge",
    ({ D, lengths }) =>
      check(gpu, D, layout(lengths.map((T) => [T, T])), dropping.includes(D) ? 0.25 : 0), // one more kernel takes seconds to compile
    COMPILING_MS,
  );

  // Scores of some tens: the largest so far is left far behind by later ones, and what was summed up is scaled anew.
  it("follows scores that differ by orders", () => check(gpu, 4, RAGGED, 0, 3));

  it.each([1, 7, 33, 64, 130])("takes sequences of equal length %i", (T) =>
    check(
      gpu,
      4,
      layout([
        [T, T],
        [T, T],
      ]),
      0,
    ),
  );

  it("gives rows that are not real exact zeros, whatever stands in them", async () => {
    const where = layout([
      [9, 4],
      [40, 33],
      [3, 1],
    ]);
    const [D, H] = [4, HEADS * 4];
    const shape = { R: where.R, heads: HEADS, D, sequences: where.sequences };
    const isReal = (row: number): boolean =>
      where.sequences.some(({ first, real }) => row >= first && row < first + real);
    const clean = normals(1, where.R * 3 * H);
    const weights = normals(2, where.R * H);
    const garbage = [NaN, Infinity, -1e30, 1e30];
    const dirty = clean.map((value, i) =>
      isReal(Math.floor(i / (3 * H))) ? value : garbage[i % 4]!,
    );
    const dirtyWeights = weights.map((w, i) => (isReal(Math.floor(i / H)) ? w : garbage[i % 4]!));

    const set = parametersOf(gpu, { qkv: [where.R, 3 * H] });
    set.set("qkv", [where.R, 3 * H], dirty);
    const reads = gpu.step("garbage in padding", () => {
      const rows = where.upload(gpu);
      const y = attention(gpu, set.tensor("qkv"), rows, HEADS);
      const w = gpu.upload(dirtyWeights, [where.R, H]);
      gpu.tape.gradients(() => project(gpu, attention(gpu, set.tensor("qkv"), rows, HEADS), w));
      return { y: gpu.readLater(y), gradients: gpu.readLater(set.gradients) };
    });
    const y = await gpu.settle(reads.y);
    const dqkv = set.split(await gpu.settle(reads.gradients)).get("qkv")!.data;
    set.destroy();

    const qkv = Float64Array.from(clean);
    const dy = Float64Array.from(weights);
    expectClose("y", y, reference.attention(qkv, shape), tolerance, [where.R, H]);
    const want = reference.attentionBackward(qkv, dy, shape);
    expectClose("dqkv", dqkv, want, tolerance, [where.R, 3 * H]);
    y.forEach((value, i) => !isReal(Math.floor(i / H)) && expect(value).toBe(0));
    dqkv.forEach((value, i) => !isReal(Math.floor(i / (3 * H))) && expect(value).toBe(0));
  });

  it("stays finite for scores of thousands and picks the largest", async () => {
    // One head of size 1: q = k = 60, 0, -60 gives scores of 3,600, 0 and -3,600.
    const qkv = Float32Array.from([60, 60, 1, 0, 0, 2, -60, -60, 3].flatMap((v) => [v]));
    const rows = layout([[3, 3]]).upload(gpu);
    const y = await gpu.read(attention(gpu, gpu.upload(qkv, [3, 3]), rows, 1));
    expectClose("y", y, [1, 2, 3], { rtol: 1e-6, atol: 0 });
  });

  it("refuses a width that heads do not divide, and rows nobody owns", () => {
    const rows = layout([[2, 2]]).upload(gpu);
    expect(() => attention(gpu, gpu.empty([2, 24]), rows, 5)).toThrow(
      "attention: qkv must be [rows, 3 * 5 heads * head size]; got [2, 24].",
    );
    expect(() => attention(gpu, gpu.empty([2, 3 * 65536]), rows, 1)).toThrow(
      /attention: a head of 65536 needs \d+ bytes of workgroup memory; .* has \d+\. Use more heads\./,
    );
    expect(() => attention(gpu, gpu.empty([3, 24]), rows, 2)).toThrow(
      "attention: the sequences must own all 3 rows; they own 2.",
    );
    expect(() => attention(gpu, gpu.empty([1, 2, 24]), rows, 2)).toThrow("must have two axes");
  });

  it("takes sequences in any order, and refuses rows of two owners, of none, and more real ones than owned", () => {
    const rows = (...columns: number[][]) => {
      const [first, real, owned] = columns.map((column) => Uint32Array.from(column));
      return sequenceRows(gpu, first!, real!, owned!);
    };
    expect(rows([2, 0], [1, 2], [1, 2]).total).toBe(3);
    expect(() => rows([0, 1], [1], [1, 1])).toThrow("must be as long; got 2, 1 and 2.");
    const refused = /each row must have one owner/;
    expect(() => rows([0, 1], [2, 1], [2, 1])).toThrow(refused);
    expect(() => rows([0, 3], [2, 1], [2, 1])).toThrow(refused);
    expect(() => rows([0, 1], [2, 1], [1, 1])).toThrow(/sequence 0 of 2 real rows, which owns 1/);
  });
});
