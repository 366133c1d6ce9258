// Attention on subgroup matrices, which an adapter without them runs written out.

import { describe, expect, it } from "vitest";
import { attentionVariant } from "../../../engine/attention-variants.ts";
import { attentionBy } from "../../../engine/ops/attention.ts";
import type { AttentionVariant } from "../../../kernels/attention.ts";
import { attentionMatrix } from "../../../kernels/attention-matrix.ts";
import * as reference from "../../reference/attention.ts";
import { keepFactor } from "../../reference/dropout.ts";
import { checkOp, COEFFICIENT, parametersOf, project } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";
import { layout } from "../../support/sequences.ts";
import { emulated, notEmulated } from "../../support/subgroup-matrices.ts";

const { info } = await openTestGpu();
const half = info.features.includes("shader-f16");
const why = notEmulated(info);
const matrices = half && info.matrixShapes.length > 0;
const gpu = half ? await openTestGpu({ precision: "f16" }, { software: false }) : undefined;
const lanes = info.subgroupSize;
const HEADS = 2;
const KEY = { key0: 0x9e3779b9, key1: 12345 };
// A software adapter compiles one of these for up to a minute; later runs read it from its cache.
const COMPILING_MS = 300_000;

// More than a workgroup's rows and than a block of the other side's, sequences of 1 token, rows that are padding.
const RAGGED = layout([
  [1, 1],
  [7, 7],
  [33, 20],
  [64, 64],
  [70, 65],
  [5, 1],
]);

const shapeOf = (D: number) => ({ R: RAGGED.R, heads: HEADS, D, sequences: RAGGED.sequences });

/**
 * Operands are off by 2^-11 of themselves, or 2^-10 where a driver cuts off; scores and weights made of them by some of
 * that. With a row left out or taken twice it is far more.
 */
const tolerance = (spread: number) => ({ rtol: 1e-2, atol: 1e-2 * spread ** 3 });

async function check(
  D: number,
  variant: AttentionVariant,
  p: number,
  spread = 1,
  values = (size: number) => normals(9, size, spread),
): Promise<void> {
  const shape = shapeOf(D);
  const keep: reference.Keep = (query, key, head) =>
    p === 0 ? 1 : keepFactor(p, KEY, (query * HEADS + head) * RAGGED.span + key);
  const dropout = p === 0 ? undefined : { p, key: KEY };
  await checkOp(gpu!, {
    name: `attention of ${variant.kernel.name}, dropout ${p}`,
    inputs: { qkv: [RAGGED.R, 3 * HEADS * D] },
    op: ({ qkv }) => attentionBy(() => variant, gpu!, qkv, RAGGED.upload(gpu!), HEADS, dropout),
    forward: ({ qkv }) => reference.attention(qkv, shape, keep),
    backward: ({ qkv }, dy) => ({ qkv: reference.attentionBackward(qkv, dy, shape, keep) }),
    values: (_, size) => values(size),
    tolerance: tolerance(spread),
  });
}

/** Root mean square of what is off, of the elements that count, over that of what is wanted. */
function relativeError(
  got: Float32Array,
  want: Float64Array,
  counts: (i: number) => boolean,
): number {
  let [error, size] = [0, 0];
  want.forEach((value, i) => {
    if (!counts(i)) return;
    error += (got[i]! - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(error / size);
}

// Where rows, columns and depth are the same, as on the adapters at hand, one may be mistaken for another. Here a subgroup owns
// two matrices down, or more rows than it has lanes; a head is wider than a block or not.
const WRITTEN_OUT = [
  { D: 16, shape: { M: 4, N: 16, K: 8 }, subgroups: 2, bytes: lanes > 8 ? 10_500 : 15_000 }, // two down of 4 at most
  { D: 40, shape: { M: 16, N: 8, K: 4 }, subgroups: 1, bytes: 15_000 },
];

describe.skipIf(why !== "").each(WRITTEN_OUT)(
  `attention on subgroup matrices $shape.M x $shape.N x $shape.K, written out, heads of $D${why}`,
  { timeout: COMPILING_MS },
  ({ D, shape, subgroups, bytes }) => {
    const limits = { bytes, threads: subgroups * lanes, values: 128 };
    const matrix = attentionMatrix(D, shape, lanes, limits)!;
    const variant = { ...matrix, kernel: emulated(matrix.kernel, lanes) };

    it("is the reference's on ragged sequences", () => check(D, variant, 0));

    it("drops the pairs that the counter says", () => check(D, variant, 0.25));

    // Scores of some tens: a reference left far behind is raised, and the sums are scaled anew.
    it("follows scores that differ by orders", () => check(D, variant, 0, 2));

    // What all values have in common drops out of the gradients of queries and keys, and its rounding has to as well.
    it("keeps what is left of the gradients when values are alike", async () => {
      const width = HEADS * D;
      const { R } = RAGGED;
      const isValue = (i: number): boolean => i % (3 * width) >= 2 * width;
      // As f16 holds them.
      const qkv = normals(9, R * 3 * width).map((n, i) =>
        isValue(i) ? 64 + Math.round(2 * n) / 16 : Math.round(64 * n) / 64,
      );
      const weights = normals(2, R * width);
      const set = parametersOf(gpu!, { qkv: [R, 3 * width] });
      set.set("qkv", [R, 3 * width], qkv);
      const read = gpu!.step("values alike", () => {
        const w = gpu!.upload(weights, [R, width]);
        const rows = RAGGED.upload(gpu!);
        const loss = () =>
          project(
            gpu!,
            attentionBy(() => variant, gpu!, set.tensor("qkv"), rows, HEADS),
            w,
          );
        gpu!.tape.gradients(loss, COEFFICIENT); // so that dy is not what f16 holds already
        return gpu!.readLater(set.gradients);
      });
      const got = set.split(await gpu!.settle(read)).get("qkv")!.data;
      set.destroy();
      const dy = Float64Array.from(weights, (w) => w * COEFFICIENT);
      const want = reference.attentionBackward(Float64Array.from(qkv), dy, shapeOf(D));
      expect(relativeError(got, want, (i) => !isValue(i))).toBeLessThan(0.01);
    });

    // Weights beside one that is e^10 times as large are below f16's normal numbers, and hundreds of them 2 % of the whole.
    it.each([0, 511])("adds up what hundreds of keys weigh beside one, row %i", async (large) => {
      const T = 512;
      const text = layout([[T, T]]);
      const width = HEADS * D;
      const qkv = new Float32Array(T * 3 * width);
      for (let row = 0; row < T; row++) {
        for (let head = 0; head < HEADS; head++) {
          const q = 3 * row * width + head * D;
          const [k, v] = [q + width, q + 2 * width];
          qkv[q] = 1;
          if (row === large) qkv[k] = 10 * Math.sqrt(D);
          else qkv.fill(1, v, v + D);
        }
      }
      const read = gpu!.step("one large", () =>
        gpu!.readLater(
          attentionBy(
            () => variant,
            gpu!,
            gpu!.upload(qkv, [T, 3 * width]),
            text.upload(gpu!),
            HEADS,
          ),
        ),
      );
      const others = (T - 1) * Math.exp(-10);
      const want = others / (1 + others);
      for (const y of await gpu!.settle(read)) expect(Math.abs(y / want - 1)).toBeLessThan(0.005);
    });

    // Late in training gradients are small; what is left of them in f16 is below its normal numbers.
    it("keeps what is left of gradients far below 1", async () => {
      const width = HEADS * D;
      const { R } = RAGGED;
      const isValue = (i: number): boolean => i % (3 * width) >= 2 * width;
      const qkv = normals(9, R * 3 * width).map((n, i) => (isValue(i) ? 1 + n : n));
      const dy = normals(2, R * width, 1e-4);
      const read = gpu!.step("small gradients", () => {
        const x = gpu!.upload(qkv, [R, 3 * width]);
        const rows = RAGGED.upload(gpu!);
        const given = gpu!.upload(dy, [R, width]);
        const forward = () => attentionBy(() => variant, gpu!, x, rows, HEADS);
        return gpu!.readLater(gpu!.tape.derivatives([x], forward, given).gradients[0]!);
      });
      const got = await gpu!.settle(read);
      const want = reference.attentionBackward(
        Float64Array.from(qkv),
        Float64Array.from(dy),
        shapeOf(D),
      );
      for (const part of [0, 1, 2]) {
        const counts = (i: number): boolean => Math.floor((i % (3 * width)) / width) === part;
        expect(relativeError(got, want, counts), `part ${part}`).toBeLessThan(0.05);
      }
    });

    // A query's weight for a key is exp(score - lse): with a row of zeros in a key's place it overflows f16, and f32 beyond 88.
    it("takes queries whose scores are all far below zero", () => {
      const signs = [4, -4, 0]; // q, k, v
      const shifted = (size: number): Float32Array =>
        normals(9, size).map((value, i) => value + signs[Math.floor(i / (HEADS * D)) % 3]!);
      return check(D, variant, 0, 2, shifted);
    });
  },
);

describe.skipIf(!matrices)(
  `attention on the adapter's subgroup matrices${matrices ? "" : " (skipped: it has none)"}`,
  { timeout: COMPILING_MS },
  () => {
    // A software adapter compiles heads of 128 for four minutes.
    it.each(info.software ? [16, 64] : [16, 64, 128])(
      "with heads of %i is the reference's on ragged sequences",
      (D) => check(D, attentionVariant(gpu!.info, "f16", D), D === 16 ? 0.25 : 0),
    );
  },
);

describe("attention's kernel", () => {
  // As NVIDIA's driver describes its GPUs.
  const described = {
    ...info,
    vendor: "nvidia",
    software: false,
    subgroupSize: 32,
    matrixShapes: [16, 8].map((N) => ({ M: 16, N, K: 16 })),
    limits: { maxComputeWorkgroupStorageSize: 49152, maxComputeInvocationsPerWorkgroup: 1024 },
  };
  const smallest = {
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
  };
  it.each([
    { D: 64, precision: "f16", kernel: "attention-matrix-64-16-16-16-32-32-4-16-4-16-4" },
    { D: 128, precision: "f16", kernel: "attention-matrix-128-16-16-16-32-16-4-16-4-16-4" },
    { D: 64, precision: "f32", kernel: "attention-64-128" },
    {
      D: 64,
      precision: "f16",
      vendor: "amd",
      kernel: "attention-matrix-64-16-16-16-32-16-4-16-4-16-4",
    },
    { D: 128, precision: "f16", vendor: "amd", kernel: "attention-128-128" },
    { D: 20, precision: "f16", kernel: "attention-20-128" },
    { D: 64, precision: "f16", limits: smallest, kernel: "attention-64-128" },
    { D: 64, precision: "f32", vendor: "apple", kernel: "attention-64-64" },
  ] as const)(
    "for heads of $D at $precision is $kernel",
    ({ D, precision, kernel, limits = described.limits, vendor = described.vendor }) => {
      const adapter = { ...described, limits, vendor };
      expect(attentionVariant(adapter, precision, D).kernel.name).toBe(kernel);
    },
  );
});
