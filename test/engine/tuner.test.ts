import { expect, it } from "vitest";
import { tuneMatmul, type TuningProgress } from "../../engine/tuner.ts";
import { openSmallTiles } from "../support/small-tiles.ts";

const gpu = await openSmallTiles();

it("times every kernel that fits and names one for each product, never a split one for a bias", async () => {
  const names = gpu.matmul.variants.map(({ name }) => name);
  expect(names).toEqual(
    ["", " split 4", " split 8", " split 16"].map((split) => `tiled 64x64x8${split}`),
  );
  const products = [
    { layout: "NT", rows: 64, sizes: [32, 16] },
    { layout: "TN", rows: 4096, sizes: [32, 16] },
    { layout: "NN", rows: 64, sizes: [16, 6] }, // no whole quads: left to the rule
  ] as const;
  const told: TuningProgress[] = [];
  const bytes = gpu.poolBytes;
  const tuned = await tuneMatmul(gpu, products, (progress) => told.push(progress));
  expect(tuned.map(({ layout, rows }) => [layout, rows])).toEqual([
    ["NT", 64],
    ["TN", 4096],
  ]);
  expect(tuned[0]!.variant).toBe("tiled 64x64x8");
  expect(names).toContain(tuned[1]!.variant);
  const { kernels } = told[0]!;
  expect(kernels).toBeGreaterThan(4); // the tiles, what they need beside them, and the naive one
  const compiling = Array.from({ length: kernels + 1 }, (_, compiled) => [0, compiled]);
  const timing = [1, 2, 3].map((products) => [products, kernels]);
  expect(told.map(({ products, compiled }) => [products, compiled])).toEqual([
    ...compiling,
    ...timing,
  ]);
  expect(gpu.matmul.use(tuned)).toBe(2);
  expect(gpu.matmul.choose("TN", { M: 32, N: 16, K: 4096 }).name).toBe(tuned[1]!.variant);
  await tuneMatmul(gpu, products);
  expect(gpu.poolBytes - bytes).toBeLessThan(4 << 20); // tensors are given back
});
