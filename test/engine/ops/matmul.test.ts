import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../engine/errors.ts";
import { matmul, matmulInto } from "../../../engine/ops/matmul.ts";
import {
  fits,
  type MatmulVariant,
  matmulVariants,
  NAIVE,
} from "../../../engine/matmul-variants.ts";
import { activation } from "../../reference/activation.ts";
import * as reference from "../../reference/matmul.ts";
import { checkOp } from "../../support/check-op.ts";
import { expectClose } from "../../support/close.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

const gpu = await openTestGpu();
// Partial sums of up to 770 products of normal numbers reach about 30, and each step rounds by 6e-8 of that.
const tolerance = { rtol: 1e-5, atol: 2e-5 };

const LAYOUTS = ["NN", "NT", "TN"] as const;
const ODD = [
  [1, 1, 1],
  [1, 2, 770],
  [7, 5, 3],
  [64, 64, 16],
  [65, 130, 33],
  [129, 3, 17],
  [1, 4, 4],
  [13, 36, 20],
] as const;
// Whole quads, past one tile in each direction.
const QUADS = [
  [4, 4, 4],
  [12, 20, 8],
  [64, 64, 64],
  [68, 132, 36],
  [20, 260, 100],
] as const;

const f64 = (values: Float32Array): Float64Array => Float64Array.from(values);

/** What an adapter gets: this one as it is, a software one without subgroups, and a GPU without tensor cores. */
const variants: MatmulVariant[] = [
  NAIVE,
  ...[
    { ...gpu.info, matrixShapes: [] },
    { ...gpu.info, software: true, matrixShapes: [], subgroupSize: 0 },
  ].flatMap((adapter) => matmulVariants(adapter, "f32")),
  // Every tile once; half of the others differ in the step, half in the split.
  ...matmulVariants({ ...gpu.info, software: false }, "f32").filter(
    ({ name }) => name.endsWith("x8") || name === "tiled 64x64x16 split 16",
  ),
];
const distinct = [...new Map(variants.map((variant) => [variant.name, variant])).values()];

describe.each(distinct.map((variant) => [variant.name, variant] as const))(
  "matmul, %s",
  (_, variant) => {
    const quadsOnly = variant.quads;

    const takes = (layout: reference.Layout, [M, N, K]: readonly [number, number, number]) =>
      fits({ ...variant, split: 1 }, layout, { M, N, K }, gpu.info.limits);
    const shapes = (layout: reference.Layout) =>
      [...ODD, ...QUADS].filter((sizes) => takes(layout, sizes));
    const layouts = LAYOUTS.filter((layout) => takes(layout, QUADS[0]));

    function operands(layout: reference.Layout, M: number, N: number, K: number) {
      const a = normals(1, M * K);
      const b = normals(2, K * N);
      return {
        a: gpu.upload(a, layout === "TN" ? [K, M] : [M, K]),
        b: gpu.upload(b, layout === "NT" ? [N, K] : [K, N]),
        want: reference.matmul(layout, f64(a), f64(b), { M, N, K }),
      };
    }

    it.each(layouts)(`%s is the reference's product, stored and added`, async (layout) => {
      for (const [M, N, K] of shapes(layout)) {
        const before = normals(3, M * N);
        const reads = gpu.step(`product ${variant.name} ${layout} ${M} ${N} ${K}`, () => {
          const { a, b, want } = operands(layout, M, N, K);
          const [stored, added] = [
            gpu.upload(normals(4, M * N), [M, N]),
            gpu.upload(before, [M, N]),
          ];
          matmulInto(gpu, layout, a, b, stored, { accumulate: false }, variant);
          matmulInto(gpu, layout, a, b, added, { accumulate: true }, variant);
          return { want, stored: gpu.readLater(stored), added: gpu.readLater(added) };
        });
        const name = `${variant.name} ${layout} K = ${K}`;
        const { want } = reads;
        expectClose(name, await gpu.settle(reads.stored), want, tolerance, [M, N]);
        const sum = want.map((value, i) => value + before[i]!);
        expectClose(`${name} added`, await gpu.settle(reads.added), sum, tolerance, [M, N]);
      }
    });

    it.each(layouts)(
      `%s keeps a NaN to the row of A and the column of B it is in`,
      async (layout) => {
        // What stands past the end of a row or in a tile's margin must not be multiplied by zero, but left out.
        const [M, N, K] = quadsOnly ? [12, 20, 12] : [13, 21, 17];
        const a = normals(1, M * K);
        const b = normals(2, K * N);
        a[layout === "TN" ? 5 : 5 * K] = NaN; // op(A)[5, 0]
        b[layout === "NT" ? 7 * K : 7] = NaN; // op(B)[0, 7]
        const c = gpu.step(`NaN ${variant.name} ${layout}`, () => {
          const c = gpu.empty([M, N]);
          const [x, y] = [
            gpu.upload(a, layout === "TN" ? [K, M] : [M, K]),
            gpu.upload(b, layout === "NT" ? [N, K] : [K, N]),
          ];
          matmulInto(gpu, layout, x, y, c, { accumulate: false }, variant);
          return gpu.readLater(c);
        });
        const where = [...(await gpu.settle(c)).entries()].filter(([, value]) =>
          Number.isNaN(value),
        );
        const wanted = Array.from({ length: M * N }, (_, i) => i).filter(
          (i) => Math.floor(i / N) === 5 || i % N === 7,
        );
        expect(where.map(([i]) => i)).toEqual(wanted);
      },
    );

    if (variant.split > 1) return; // only plain products are split

    async function expectLinear(
      layout: reference.Layout,
      kind: "none" | "relu" | "gelu_new" | "gelu" | "tanh",
      keep: boolean,
    ) {
      for (const [M, N, K] of shapes(layout)) {
        const bias = normals(5, N);
        const reads = gpu.step(`linear ${variant.name} ${layout} ${M} ${N} ${K}`, () => {
          const { a, b, want } = operands(layout, M, N, K);
          const c = gpu.empty([M, N]);
          const pre = keep ? gpu.empty([M, N]) : undefined;
          const epilogue = { bias: gpu.upload(bias), activation: kind, pre };
          matmulInto(gpu, layout, a, b, c, epilogue, variant);
          return { want, c: gpu.readLater(c), pre: pre && gpu.readLater(pre) };
        });
        const pre = reads.want.map((value, i) => value + bias[i % N]!);
        const name = `${variant.name} ${layout} ${kind} K = ${K}`;
        expectClose(name, await gpu.settle(reads.c), activation(kind, pre), tolerance, [M, N]);
        if (reads.pre)
          expectClose(`${name} pre`, await gpu.settle(reads.pre), pre, tolerance, [M, N]);
      }
    }

    it.each(["none", "gelu_new", "gelu", "relu", "tanh"] as const)(
      `NT adds a bias and applies %s`,
      (kind) => expectLinear("NT", kind, false),
    );

    it.each(layouts)(`%s keeps the value before the activation`, async (layout) => {
      await expectLinear(layout, layout === "NT" ? "gelu_new" : "relu", true);
      if (layout !== "NT") await expectLinear(layout, "relu", false);
    });
  },
);

describe("matmul", () => {
  it.each(LAYOUTS)("%s has the reference's gradients", async (layout) => {
    for (const [M, N, K] of [
      [1, 1, 1],
      [9, 6, 35],
      [12, 8, 20],
    ] as const) {
      await checkOp(gpu, {
        name: `matmul ${layout} K = ${K}`,
        inputs: {
          a: layout === "TN" ? [K, M] : [M, K],
          b: layout === "NT" ? [N, K] : [K, N],
        },
        op: ({ a, b }) => matmul(gpu, layout, a, b),
        forward: ({ a, b }) => reference.matmul(layout, a, b, { M, N, K }),
        backward: ({ a, b }, dy) => reference.matmulBackward(layout, a, b, dy, { M, N, K }),
        tolerance,
      });
    }
  });

  it.for(LAYOUTS)(
    "%s has the same bits of panels and of operands as they lie, on a software adapter",
    async (layout, context) => {
      const [M, N, K] = [68, 132, 100];
      const kernels = distinct.filter(
        (variant) =>
          variant.name.startsWith("broadcast") &&
          fits(variant, layout, { M, N, K }, gpu.info.limits),
      );
      if (kernels.length < 2) context.skip(`${gpu.info.name} has one kernel for it`);
      const [a, b] = [
        gpu.upload(normals(1, M * K), layout === "TN" ? [K, M] : [M, K]),
        gpu.upload(normals(2, N * K), layout === "NT" ? [N, K] : [K, N]),
      ];
      const [first, ...others] = await Promise.all(
        kernels.map((variant) => {
          const c = gpu.empty([M, N]);
          matmulInto(gpu, layout, a, b, c, { accumulate: false }, variant);
          return gpu.read(c);
        }),
      );
      for (const other of others) expect(other).toEqual(first);
    },
  );

  it("sums over more rows than a grid has workgroups in one direction", async () => {
    const [M, N, K] = [4, 8, 70_000];
    for (const variant of distinct.filter((each) =>
      fits(each, "TN", { M, N, K }, gpu.info.limits),
    )) {
      const [a, b, c] = [
        gpu.upload(new Float32Array(K * M).fill(1), [K, M]),
        gpu.upload(new Float32Array(K * N).fill(2), [K, N]),
        gpu.empty([M, N]),
      ];
      matmulInto(gpu, "TN", a, b, c, { accumulate: false }, variant);
      expect([...(await gpu.read(c))]).toEqual(Array(M * N).fill(2 * K));
    }
  });

  it("counts all axes but the last as rows", async () => {
    const a = normals(6, 2 * 3 * 4);
    const b = normals(7, 4 * 5);
    const y = matmul(gpu, "NN", gpu.upload(a, [2, 3, 4]), gpu.upload(b, [4, 5]));
    const want = reference.matmul("NN", f64(a), f64(b), { M: 6, N: 5, K: 4 });
    expectClose("matmul of [2, 3, 4]", await gpu.read(y), want, tolerance, [6, 5]);
  });

  it("refuses inner sizes that differ, naming both shapes", () => {
    const [a, b] = [gpu.empty([3, 4]), gpu.empty([5, 6])];
    expect(() => matmul(gpu, "NN", a, b)).toThrow(ShapeError);
    expect(() => matmul(gpu, "NT", a, b)).toThrow(/NT.*inner sizes.*\[3, 4\].*\[5, 6\]/);
  });

  it("refuses to write where the product does not fit", () => {
    const [a, b, c] = [gpu.empty([3, 4]), gpu.empty([4, 6]), gpu.empty([3, 6])];
    for (const shape of [[3, 5], [6, 3], [18], [4, 6]]) {
      expect(() => matmulInto(gpu, "NN", a, b, gpu.empty(shape))).toThrow(
        `matmul NN: c must hold [3, 6], for a [3, 4] and b [4, 6]; got [${shape.join(", ")}].`,
      );
    }
    const epilogue = { bias: gpu.empty([6]), activation: "gelu" } as const;
    const into = (other: object) => () => matmulInto(gpu, "NN", a, b, c, { ...epilogue, ...other });
    expect(into({ bias: gpu.empty([5]) })).toThrow("matmul NN: bias must be [6]; got [5].");
    expect(into({ pre: gpu.empty([6, 3]) })).toThrow("matmul NN: pre must hold [3, 6]");
    expect(into({})).not.toThrow();
  });
});
