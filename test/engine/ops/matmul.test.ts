import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../engine/errors.ts";
import { chooseVariant, matmul, matmulInto } from "../../../engine/ops/matmul.ts";
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
] as const;
// Whole quads of N and K, and of M where A is transposed; past one tile in each direction.
const QUADS = [
  [4, 4, 4],
  [12, 20, 8],
  [64, 64, 64],
  [68, 132, 36],
  [20, 260, 100],
] as const;

const f64 = (values: Float32Array): Float64Array => Float64Array.from(values);

describe.each(["naive", "register", "broadcast", "tiled"] as const)("matmul, %s", (variant) => {
  const quadsOnly = variant === "register" || variant === "broadcast";
  const { subgroupSize } = gpu.info;
  const unfit = variant === "broadcast" && (subgroupSize < 2 || 16 % subgroupSize !== 0);
  const test = unfit ? it.skip : it;
  const why = unfit ? " (skipped: needs subgroups of 2, 4, 8 or 16 lanes)" : "";

  const shapes = (layout: reference.Layout): (readonly [number, number, number])[] => {
    if (!quadsOnly) return [...ODD, ...QUADS];
    return layout === "TN" ? [...QUADS] : [[1, 4, 4], [13, 36, 20], ...QUADS];
  };

  function operands(layout: reference.Layout, M: number, N: number, K: number) {
    const a = normals(1, M * K);
    const b = normals(2, K * N);
    return {
      a: gpu.upload(a, layout === "TN" ? [K, M] : [M, K]),
      b: gpu.upload(b, layout === "NT" ? [N, K] : [K, N]),
      want: reference.matmul(layout, f64(a), f64(b), { M, N, K }),
    };
  }

  test.each(LAYOUTS)(`%s is the reference's product, stored and added${why}`, async (layout) => {
    for (const [M, N, K] of shapes(layout)) {
      const before = normals(3, M * N);
      const reads = gpu.step(`product ${variant} ${layout} ${M} ${N} ${K}`, () => {
        const { a, b, want } = operands(layout, M, N, K);
        const [stored, added] = [gpu.upload(normals(4, M * N), [M, N]), gpu.upload(before, [M, N])];
        matmulInto(gpu, layout, a, b, stored, { accumulate: false }, variant);
        matmulInto(gpu, layout, a, b, added, { accumulate: true }, variant);
        return { want, stored: gpu.readLater(stored), added: gpu.readLater(added) };
      });
      const name = `${variant} ${layout} K = ${K}`;
      const { want } = reads;
      expectClose(name, await gpu.settle(reads.stored), want, tolerance, [M, N]);
      const sum = want.map((value, i) => value + before[i]!);
      expectClose(`${name} added`, await gpu.settle(reads.added), sum, tolerance, [M, N]);
    }
  });

  test.each(LAYOUTS)(
    `%s keeps a NaN to the row of A and the column of B it is in${why}`,
    async (layout) => {
      // What stands past the end of a row or in a tile's margin must not be multiplied by zero, but left out.
      const [M, N, K] = quadsOnly ? [12, 20, 12] : [13, 21, 17];
      const a = normals(1, M * K);
      const b = normals(2, K * N);
      a[layout === "TN" ? 5 : 5 * K] = NaN; // op(A)[5, 0]
      b[layout === "NT" ? 7 * K : 7] = NaN; // op(B)[0, 7]
      const c = gpu.step(`NaN ${variant} ${layout}`, () => {
        const c = gpu.empty([M, N]);
        const [x, y] = [
          gpu.upload(a, layout === "TN" ? [K, M] : [M, K]),
          gpu.upload(b, layout === "NT" ? [N, K] : [K, N]),
        ];
        matmulInto(gpu, layout, x, y, c, { accumulate: false }, variant);
        return gpu.readLater(c);
      });
      const where = [...(await gpu.settle(c)).entries()].filter(([, value]) => Number.isNaN(value));
      const wanted = Array.from({ length: M * N }, (_, i) => i).filter(
        (i) => Math.floor(i / N) === 5 || i % N === 7,
      );
      expect(where.map(([i]) => i)).toEqual(wanted);
    },
  );

  async function expectLinear(
    layout: reference.Layout,
    kind: "none" | "relu" | "gelu_new" | "gelu" | "tanh",
    keep: boolean,
  ) {
    for (const [M, N, K] of shapes(layout)) {
      const bias = normals(5, N);
      const reads = gpu.step(`linear ${variant} ${layout} ${M} ${N} ${K}`, () => {
        const { a, b, want } = operands(layout, M, N, K);
        const c = gpu.empty([M, N]);
        const pre = keep ? gpu.empty([M, N]) : undefined;
        const epilogue = { bias: gpu.upload(bias), activation: kind, pre };
        matmulInto(gpu, layout, a, b, c, epilogue, variant);
        return { want, c: gpu.readLater(c), pre: pre && gpu.readLater(pre) };
      });
      const pre = reads.want.map((value, i) => value + bias[i % N]!);
      const name = `${variant} ${layout} ${kind} K = ${K}`;
      expectClose(name, await gpu.settle(reads.c), activation(kind, pre), tolerance, [M, N]);
      if (reads.pre)
        expectClose(`${name} pre`, await gpu.settle(reads.pre), pre, tolerance, [M, N]);
    }
  }

  test.each(["none", "gelu_new", "gelu", "relu", "tanh"] as const)(
    `NT adds a bias and applies %s${why}`,
    (kind) => expectLinear("NT", kind, false),
  );

  test.each(LAYOUTS)(`%s keeps the value before the activation${why}`, async (layout) => {
    await expectLinear(layout, layout === "NT" ? "gelu_new" : "relu", true);
    if (layout !== "NT") await expectLinear(layout, "relu", false);
  });
});

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

  it("chooses kernels that take the shape: whole quads for the software ones", () => {
    const software = { software: true, subgroupSize: 8 };
    expect(chooseVariant(software, "NT", { M: 3, N: 8, K: 8 })).toBe("broadcast");
    expect(chooseVariant(software, "TN", { M: 3, N: 8, K: 8 })).toBe("naive");
    expect(chooseVariant(software, "NT", { M: 3, N: 2, K: 8 })).toBe("naive");
    expect(chooseVariant(software, "NN", { M: 3, N: 8, K: 6 })).toBe("naive");
    for (const subgroupSize of [0, 32]) {
      const other = { software: true, subgroupSize };
      expect(chooseVariant(other, "NN", { M: 3, N: 8, K: 8 })).toBe("register");
    }
    expect(chooseVariant({ software: false, subgroupSize: 32 }, "NN", { M: 512, N: 8, K: 7 })).toBe(
      "tiled",
    );
  });
});
