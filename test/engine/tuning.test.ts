import { describe, expect, it } from "vitest";
import { MatmulChoice } from "../../engine/tuning.ts";

const limits = { maxComputeWorkgroupStorageSize: 32768, maxComputeInvocationsPerWorkgroup: 1024 };
const software = {
  name: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)",
  vendor: "mesa",
  software: true,
  subgroupSize: 8,
  matrixShapes: [],
  limits,
};
const discrete = {
  name: "a GPU",
  vendor: "nvidia",
  software: false,
  subgroupSize: 32,
  matrixShapes: [],
  limits,
};
const tensor = { ...discrete, matrixShapes: [{ M: 16, N: 16, K: 16 }] };

describe("the choice of a matmul kernel", () => {
  it("takes what fits the shape: whole quads for all but the naive one", () => {
    const choice = new MatmulChoice(software, "f32");
    expect(choice.choose("NT", { M: 3, N: 8, K: 8 }).name).toBe("broadcast");
    for (const [layout, M, N, K] of [
      ["TN", 3, 8, 8],
      ["NT", 3, 2, 8],
      ["NN", 3, 8, 6],
    ] as const) {
      expect(choice.choose(layout, { M, N, K }).name).toBe("naive");
    }
    expect(choice.choose("NT", { M: 128, N: 128, K: 8 }).name).toBe("broadcast packed");
    expect(choice.choose("TN", { M: 4, N: 4, K: 4 }).name).toBe("broadcast TN");
    for (const [layout, M, N, K] of [
      ["NN", 124, 768, 768], // few rows do not pay for a copy
      ["NT", 130, 768, 768], // a copy wants whole quads of rows
    ] as const) {
      expect(choice.choose(layout, { M, N, K }).name).toBe("broadcast");
    }
    for (const subgroupSize of [0, 32]) {
      const other = new MatmulChoice({ ...software, subgroupSize }, "f32");
      expect(other.choose("NN", { M: 3, N: 8, K: 8 }).name).toBe("register");
    }
  });

  it("copies A sooner where a copy of B is kept, unless a larger tile would compute rows that are none", () => {
    const choice = new MatmulChoice(software, "f32");
    const copies = (M: number, N: number, kept: boolean): boolean =>
      choice.choose("NT", { M, N, K: 768 }, kept).name === "broadcast packed";
    expect([28, 64, 124].map((M) => copies(M, 768, true))).toEqual([true, true, true]);
    expect([28, 64, 124].map((M) => copies(M, 768, false))).toEqual([false, false, false]);
    expect([16, 36, 48].map((M) => copies(M, 768, true))).toEqual([false, false, false]);
    expect(copies(64, 128, true)).toBe(false);
    expect(choice.choose("NN", { M: 64, N: 768, K: 768 }, true).name).toBe("broadcast packed");
    const gpu = new MatmulChoice(discrete, "f32");
    const sizes = { M: 512, N: 768, K: 768 };
    expect(gpu.choose("NT", sizes, true)).toBe(gpu.choose("NT", sizes));
  });

  it("has the largest tile for GPUs whose threads hold its sums", () => {
    const sizes = { M: 16384, N: 3072, K: 768 };
    const tileOf = (vendor: string): readonly number[] => {
      const choice = new MatmulChoice({ ...discrete, vendor }, "f32");
      expect(choice.variants.map(({ tile }) => tile)).toContainEqual([64, 64]);
      return choice.choose("NT", sizes).tile;
    };
    for (const vendor of ["nvidia", "amd", "apple"]) expect(tileOf(vendor)).toEqual([128, 128]);
    expect(tileOf("intel").toSorted((a, b) => a - b)).toEqual([64, 128]);
  });

  it("copies both operands of a TN product where each element serves many others", () => {
    const choice = new MatmulChoice(software, "f32");
    const names = ([M, N]: readonly [number, number]) => choice.choose("TN", { M, N, K: 64 }).name;
    expect(
      (
        [
          [768, 768],
          [3072, 768],
          [512, 512],
        ] as const
      ).map(names),
    ).toEqual(Array(3).fill("broadcast packed"));
    expect(
      (
        [
          [768, 128],
          [256, 1024],
          [508, 512],
        ] as const
      ).map(names),
    ).toEqual(Array(3).fill("broadcast TN"));
  });

  it("has twice the rows a tile from Mesa 26 on, where that does not compute many that are none", () => {
    const newer = { ...software, name: "llvmpipe: Mesa 26.1.6-1 (LLVM 19.1.7)" };
    const rows = (adapter: typeof software, M: number): number =>
      new MatmulChoice(adapter, "f32").choose("NT", { M, N: 768, K: 768 }, true).tile[0];
    expect([64, 132, 480, 512].map((M) => rows(software, M))).toEqual([32, 32, 32, 32]);
    expect([64, 132, 480, 512].map((M) => rows(newer, M))).toEqual([64, 32, 64, 64]);
  });

  it.each(["25.0.7", "26.1.6"])("has square tiles of wide vectors, on Mesa %s", (version) => {
    const wide = { ...software, name: `llvmpipe: Mesa ${version}`, subgroupSize: 16 };
    const { tile, step } = new MatmulChoice(wide, "f32").choose("NT", { M: 512, N: 768, K: 768 });
    expect({ tile, step }).toEqual({ tile: [64, 64], step: 1 });
  });

  it("takes larger tiles on a GPU the more workgroups there are", () => {
    const choice = new MatmulChoice(discrete, "f32");
    expect(choice.choose("NT", { M: 8, N: 8, K: 8 }).name).toBe("naive");
    expect(choice.choose("NT", { M: 512, N: 768, K: 768 }).tile).toEqual([64, 64]);
    expect(choice.choose("NT", { M: 16384, N: 768, K: 768 }).tile).toEqual([128, 128]);
  });

  it("has subgroup matrices in f16 only, where the adapter has them", () => {
    const sizes = { M: 16384, N: 768, K: 768 };
    const half = new MatmulChoice(tensor, "f16");
    expect(half.choose("NT", sizes).name).toMatch(/^matrix 16x16x16/);
    // 108 tiles of 128 x 128 leave cores idle, and no tile between them and 64 x 64 is of matrices.
    expect(half.choose("TN", { M: 2304, N: 768, K: 16384 }).name).toMatch(/^matrix .* tile 64x64/);
    for (const [adapter, precision] of [
      [tensor, "f32"],
      [discrete, "f16"],
    ] as const) {
      expect(new MatmulChoice(adapter, precision).choose("NT", sizes).name).toMatch(/^tiled/);
    }
  });

  it("follows a table, by the nearest number of rows, and ignores kernels it does not have", () => {
    const choice = new MatmulChoice(discrete, "f32");
    const entry = (rows: number, variant: string) =>
      ({ layout: "TN", rows, sizes: [768, 3072], variant }) as const;
    const taken = choice.use([
      entry(512, "tiled 128x64x8 split 4"),
      entry(8192, "tiled 128x64x16"),
      entry(64, "of another adapter"),
    ]);
    expect(taken).toBe(2);
    const chosen = (K: number) => choice.choose("TN", { M: 768, N: 3072, K }).name;
    expect(chosen(128)).toBe("tiled 128x64x8 split 4");
    expect(chosen(1900)).toBe("tiled 128x64x8 split 4");
    expect(chosen(2200)).toBe("tiled 128x64x16");
    // A file may name a split kernel for a product with a bias, which has no place for one.
    choice.use([{ ...entry(512, "tiled 128x64x8 split 4"), layout: "NT" }]);
    expect(choice.choose("NT", { M: 512, N: 768, K: 3072 }).split).toBe(1);
    expect(choice.choose("TN", { M: 768, N: 770, K: 512 }).name).toBe("naive"); // another product
    expect(choice.choose("NN", { M: 768, N: 3072, K: 512 }).split).toBe(1);
  });

  it("splits K only where tiles are few and one binding holds the partial sums", () => {
    const small = { ...discrete, limits: { ...limits, maxStorageBufferBindingSize: 2 ** 24 } };
    const splits = (adapter: typeof discrete, M: number, N: number, K = 16384) =>
      new MatmulChoice(adapter, "f32")
        .candidates("TN", { M, N, K })
        .filter(({ split }) => split > 1)
        .map(({ name }) => name.replace("tiled ", ""));
    expect(splits(discrete, 768, 768)).toContain("64x64x8 split 4");
    const longest = (K: number) =>
      splits(discrete, 768, 768, K).filter((name) => name.startsWith("128x128x8 "));
    expect(longest(512)).toEqual([4, 8, 16].map((split) => `128x128x8 split ${split}`));
    expect(longest(508)).toEqual([4, 8].map((split) => `128x128x8 split ${split}`)); // 16 would have 3.97 steps each
    expect(longest(124)).toEqual([]);
    // 256 tiles of 128 x 128; the others make 512 or more.
    expect(splits(discrete, 2048, 2048)).toEqual(["128x128x8 split 4", "128x128x16 split 4"]);
    expect(splits(discrete, 4096, 3072)).toEqual([]);
    // 4 partial sums of 1,024 x 1,024 take 16 MiB.
    expect(splits(small, 1024, 1024)).toContain("64x64x8 split 4");
    expect(splits(small, 1024, 1028)).toEqual([]);
    // A choice for few rows is not taken for more of them than a binding holds.
    const choice = new MatmulChoice(small, "f32");
    choice.use([
      { layout: "NN", rows: 512, sizes: [1024, 768], variant: "tiled 128x64x8 split 4" },
    ]);
    expect(choice.choose("NN", { M: 1024, N: 1024, K: 768 }).split).toBe(4);
    expect(choice.choose("NN", { M: 1025, N: 1024, K: 768 }).split).toBe(1);
  });
});
