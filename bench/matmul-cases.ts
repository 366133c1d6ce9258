// The products of an ALBERT-base layer.

import {
  type Gpu,
  type Layout,
  matmulInto,
  type MatmulSizes,
  type MatmulVariant,
  type ProductShape,
} from "../engine/index.ts";
import { type Case, expectNear } from "./harness.ts";
import { filled, H, roundingOf, value } from "./op-case.ts";

/** Sizes of the products of one layer, [N, K] of the forward pass. */
const PRODUCTS: readonly (readonly [N: number, K: number])[] = [
  [3 * H, H],
  [H, H],
  [4 * H, H],
  [H, 4 * H],
  [H, 128],
];

function matmulCase(
  gpu: Gpu,
  layout: Layout,
  { M, N, K }: MatmulSizes,
  variant: MatmulVariant,
  shape: string,
): Case {
  const a = filled(gpu, 1, layout === "TN" ? [K, M] : [M, K]);
  const b = filled(gpu, 2, layout === "NT" ? [N, K] : [K, N]);
  const c = gpu.upload(new Float32Array(M * N), [M, N]);
  const run = (): void => matmulInto(gpu, layout, a, b, c, { accumulate: false }, variant);
  const at = {
    a: (m: number, k: number): number => value(1, layout === "TN" ? k * M + m : m * K + k),
    b: (k: number, n: number): number => value(2, layout === "NT" ? n * K + k : k * N + n),
  };
  const { name } = variant.kernel(layout);
  return {
    name: "matmul",
    shape,
    run,
    async check() {
      run();
      const want = (i: number): number => {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += at.a(Math.floor(i / N), k) * at.b(k, i % N);
        return sum;
      };
      expectNear(`matmul ${layout}`, await gpu.read(c), want, roundingOf(gpu, K));
    },
    costs: {
      [`${name}/product`]: {
        flops: 2 * M * N * K,
        bytes: 4 * (M * K + N * K + M * N),
        with: [
          "matmul-pack/rows",
          "matmul-pack/columns",
          "matmul-half/rounded",
          "matmul-split/total",
        ],
      },
    },
  };
}

/** The products of a layer over a number of tokens, as the tuner wants them. */
export const productShapes = (rows: number): ProductShape[] =>
  PRODUCTS.flatMap(([N, K]) => [
    { layout: "NT", rows, sizes: [N, K] } as const,
    { layout: "NN", rows, sizes: [K, N] } as const,
    { layout: "TN", rows, sizes: [N, K] } as const,
  ]);

/** Every product of a layer, forward (NT) and for both gradients (NN, TN), by the kernel it gets, or by `all` that can. */
export function* matmulCases(gpu: Gpu, tokens: number, all: boolean): Generator<() => Case> {
  for (const [N, K] of PRODUCTS) {
    for (const [layout, sizes] of [
      ["NT", { M: tokens, N, K }],
      ["NN", { M: tokens, N: K, K: N }],
      ["TN", { M: N, N: K, K: tokens }],
    ] as const) {
      const shape = `${layout} ${sizes.M} x ${sizes.N} x ${sizes.K}`;
      if (!all) {
        yield () => matmulCase(gpu, layout, sizes, gpu.matmul.choose(layout, sizes), shape);
        continue;
      }
      for (const variant of gpu.matmul.candidates(layout, sizes)) {
        yield () => matmulCase(gpu, layout, sizes, variant, `${shape} ${variant.name}`);
      }
    }
  }
}
