// Products with f16 operands. Tensor-core kernels need an adapter with subgroup matrices: a GPU, or lavapipe from Mesa 26.1 on.

import { describe, expect, it, onTestFinished } from "vitest";
import { DeviceError } from "../../../engine/errors.ts";
import { Gpu } from "../../../engine/gpu.ts";
import { openGpu } from "../../../engine/open.ts";
import { openDevice } from "../../../engine/device.ts";
import { linear } from "../../../engine/ops/linear.ts";
import { matmulInto } from "../../../engine/ops/matmul.ts";
import { matmulHalf } from "../../../kernels/matmul.ts";
import { gridOfThreads } from "../../../kernels/kernel.ts";
import { matmulMatrix } from "../../../kernels/matmul-matrix.ts";
import { matrixTileSize } from "../../../kernels/matmul-matrix-tile.ts";
import {
  fits,
  type Layout,
  type MatmulVariant,
  matmulVariants,
} from "../../../engine/matmul-variants.ts";
import { activation } from "../../reference/activation.ts";
import * as reference from "../../reference/matmul.ts";
import { expectClose } from "../../support/close.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";
import { emulated, notEmulated } from "../../support/subgroup-matrices.ts";

// The adapter's own features decide what can run; the f32 GPU is there to ask for them.
const { info } = await openTestGpu();
const half = info.features.includes("shader-f16");
const matrices = half && info.matrixShapes.length > 0;
const gpu = half ? await openTestGpu({ precision: "f16" }) : undefined;
const noMatrices = matrices ? "" : " (tensor cores skipped: the adapter has no subgroup matrices)";
const why = half ? noMatrices : " (skipped: the adapter has no shader-f16)";

/** An f16 operand is off by 2^-11 of itself, or 2^-10 where a driver cuts off; errors of K products add up as a walk. */
const tolerance = (K: number) => ({ rtol: 2e-3, atol: 2e-3 * Math.sqrt(K) });

const SHAPES = [
  [4, 4, 4],
  [68, 132, 36],
  [140, 260, 100],
] as const;

const ofMatrices = matrices
  ? matmulVariants(info, "f16").filter(({ name }) => name.startsWith("matrix"))
  : [];
// A software adapter compiles one for seconds: it has each tile, each split and both operands, but not all with one another.
const someOfMatrices = [
  ...ofMatrices.filter(({ split, operands }) => split === 1 && operands === "f32"),
  ...ofMatrices
    .filter(({ split, operands }) => split > 1 && operands === "f16")
    .filter((_, i) => i % 4 === 0), // of three splits a tile
];

const variants = [
  ...matmulVariants({ ...info, matrixShapes: [] }, "f16").slice(0, info.software ? 4 : 1),
  ...matmulVariants({ ...info, software: false, matrixShapes: [] }, "f16").filter(({ name }) =>
    ["tiled 64x64x8", "tiled 128x128x8 split 4"].includes(name),
  ),
  ...(info.software ? someOfMatrices : ofMatrices),
];

describe.skipIf(!gpu).each(variants.map((variant) => [variant.name, variant] as const))(
  `f16 matmul, %s${why}`,
  (_, variant) => {
    const takes = (layout: Layout) =>
      fits({ ...variant, split: 1 }, layout, { M: 4, N: 4, K: 4 }, info.limits);
    it.each((["NN", "NT", "TN"] as const).filter(takes))(
      "%s is the product of the rounded operands",
      async (layout) => {
        for (const [M, N, K] of SHAPES) {
          const [a, b, before] = [normals(1, M * K), normals(2, K * N), normals(3, M * N)];
          const reads = gpu!.step(`f16 ${variant.name} ${layout} ${M}`, () => {
            const x = gpu!.upload(a, layout === "TN" ? [K, M] : [M, K]);
            const y = gpu!.upload(b, layout === "NT" ? [N, K] : [K, N]);
            const [stored, added] = [gpu!.empty([M, N]), gpu!.upload(before, [M, N])];
            matmulInto(gpu!, layout, x, y, stored, { accumulate: false }, variant);
            matmulInto(gpu!, layout, x, y, added, { accumulate: true }, variant);
            return { stored: gpu!.readLater(stored), added: gpu!.readLater(added) };
          });
          const want = reference.matmul(layout, Float64Array.from(a), Float64Array.from(b), {
            M,
            N,
            K,
          });
          const got = await gpu!.settle(reads.stored);
          expectClose(`${variant.name} ${layout}`, got, want, tolerance(K), [M, N]);
          // Not f32 by mistake: some element must show the rounding.
          if (K > 4) expect(got.some((value, i) => Math.abs(value - want[i]!) > 1e-4)).toBe(true);
          const sum = want.map((value, i) => value + before[i]!);
          const name = `${variant.name} ${layout} added`;
          expectClose(name, await gpu!.settle(reads.added), sum, tolerance(K), [M, N]);
        }
      },
    );

    if (!takes("NT")) return;

    it.skipIf(variant.split > 1)(
      "adds a bias, applies gelu_new and keeps the value before it",
      async () => {
        const [M, N, K] = [72, 132, 36];
        const [a, b, bias] = [normals(1, M * K), normals(2, K * N), normals(5, N)];
        const reads = gpu!.step(`f16 linear ${variant.name}`, () => {
          const [c, pre] = [gpu!.empty([M, N]), gpu!.empty([M, N])];
          const epilogue = { bias: gpu!.upload(bias), activation: "gelu_new", pre } as const;
          matmulInto(
            gpu!,
            "NT",
            gpu!.upload(a, [M, K]),
            gpu!.upload(b, [N, K]),
            c,
            epilogue,
            variant,
          );
          return { c: gpu!.readLater(c), pre: gpu!.readLater(pre) };
        });
        const product = reference.matmul("NT", Float64Array.from(a), Float64Array.from(b), {
          M,
          N,
          K,
        });
        const want = product.map((value, i) => value + bias[i % N]!);
        expectClose("pre", await gpu!.settle(reads.pre), want, tolerance(K), [M, N]);
        const kept = activation("gelu_new", want);
        expectClose("c", await gpu!.settle(reads.c), kept, tolerance(K), [M, N]);
      },
    );

    it("sums in f32: a thousand products of 100 overflow f16, not the sum", async () => {
      const [M, N, K] = [4, 4, 1024];
      const c = gpu!.step(`f16 sum ${variant.name}`, () => {
        const ones = (shape: [number, number]) =>
          gpu!.upload(new Float32Array(shape[0] * shape[1]).fill(10), shape);
        const c = gpu!.empty([M, N]);
        matmulInto(gpu!, "NT", ones([M, K]), ones([N, K]), c, { accumulate: false }, variant);
        return gpu!.readLater(c);
      });
      expect([...(await gpu!.settle(c))]).toEqual(Array.from({ length: 16 }, () => 102400));
    });

    it("gives what f16 cannot hold as no finite number, for the loss scale to see", async () => {
      const c = gpu!.step(`f16 overflow ${variant.name}`, () => {
        const c = gpu!.empty([4, 4]);
        const x = gpu!.upload(new Float32Array(16).fill(1e6), [4, 4]);
        matmulInto(gpu!, "NT", x, x, c, { accumulate: false }, variant);
        return gpu!.readLater(c);
      });
      expect((await gpu!.settle(c)).some(Number.isFinite)).toBe(false);
    });
  },
);

// A software adapter compiles one of these for up to half a minute; later runs read it from its cache.
const COMPILING_MS = 300_000;

// Where rows, columns and depth are the same, as on the adapters at hand, one may be mistaken for another.
describe.skipIf(notEmulated(info) !== "").each([
  {
    matrices: { M: 8, N: 16, K: 4 },
    tile: { subgroups: [2, 1], matrices: [2, 2], step: 4, stages: 2 },
    split: 1,
    operands: "f32",
  },
  {
    matrices: { M: 16, N: 8, K: 8 },
    tile: { subgroups: [1, 2], matrices: [1, 2], step: 8, stages: 1 },
    split: 4,
    operands: "f16",
  },
] as const)(
  `subgroup matrices $matrices.M x $matrices.N x $matrices.K, written out${notEmulated(info)}`,
  ({ matrices: shape, tile, split, operands }) => {
    const variant: MatmulVariant = {
      name: "written out",
      quads: true,
      reads: ["NN", "NT", "TN"],
      operands,
      split,
      tile: matrixTileSize(shape, tile),
      step: tile.step,
      kernel: (layout) =>
        emulated(
          matmulMatrix(layout, shape, tile, info.subgroupSize, split, operands),
          info.subgroupSize,
        ),
      constants: () => ({}),
    };
    it.each(["NN", "NT", "TN"] as const)(
      "%s is the product of the rounded operands",
      { timeout: COMPILING_MS },
      async (layout) => {
        const [M, N, K] = [44, 68, 76];
        const [a, b] = [normals(1, M * K), normals(2, K * N)];
        const read = gpu!.step(`written out ${layout} ${operands}`, () => {
          const x = gpu!.upload(a, layout === "TN" ? [K, M] : [M, K]);
          const y = gpu!.upload(b, layout === "NT" ? [N, K] : [K, N]);
          const c = gpu!.empty([M, N]);
          const [bias, pre] = [gpu!.upload(new Float32Array(N).fill(0.5)), gpu!.empty([M, N])];
          const linear = { bias, activation: "none", pre } as const;
          const epilogue = layout === "NT" && split === 1 ? linear : { accumulate: false };
          matmulInto(gpu!, layout, x, y, c, epilogue, variant);
          return { c: gpu!.readLater(c), added: "bias" in epilogue ? 0.5 : 0 };
        });
        const want = reference
          .matmul(layout, Float64Array.from(a), Float64Array.from(b), { M, N, K })
          .map((value) => value + read.added);
        expectClose(layout, await gpu!.settle(read.c), want, tolerance(K), [M, N]);
      },
    );
  },
);

/** The number 16 bits of f16 stand for. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits >> 15 ? -size : size;
}

describe.skipIf(!gpu)(`f16 copies of operands${half ? "" : why}`, () => {
  // The last needs more workgroups than a dimension has.
  it.each([4, 1028, 65_536 * 256 + 4])("hold all of %i elements, in order", async (N) => {
    const values = Float32Array.from({ length: N }, (_, i) => (i % 2003) / 7 - 100);
    const read = gpu!.step(`halves ${N}`, () => {
      const h = gpu!.empty([N / 2]);
      const groups = gridOfThreads(matmulHalf, N / 4);
      gpu!.launch(matmulHalf, "rounded", { a: gpu!.upload(values), h }, { N }, groups);
      return gpu!.readLater(h);
    });
    const got = new Uint16Array((await gpu!.settle(read)).buffer);
    // Some drivers cut off where others round.
    const off = values.findIndex(
      (value, i) => Math.abs(fromHalf(got[i]!) - value) > 2 ** -10 * Math.abs(value),
    );
    expect(off).toBe(-1);
  });
});

describe("precision f16", () => {
  it("is refused where the adapter has no shader-f16", async () => {
    const { device, info: described } = await openDevice({ backend: "null" });
    onTestFinished(() => device.destroy());
    const without = { features: new Set(), destroy: () => undefined } as unknown as GPUDevice;
    expect(() => new Gpu(without, described, "f16")).toThrow(DeviceError);
    expect(() => new Gpu(without, described, "f16")).toThrow(/needs an adapter with shader-f16/);
  });

  it("leaves ops other than products alone", async () => {
    const compiled = await openGpu({ backend: "null", precision: "f16" });
    onTestFinished(() => compiled.close());
    const w = compiled.empty([8, 8]);
    expect(linear(compiled, compiled.empty([4, 8]), w, compiled.empty([8])).shape).toEqual([4, 8]);
  });
});
