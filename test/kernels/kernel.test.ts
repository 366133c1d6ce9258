import { describe, expect, it } from "vitest";
import { defineKernel, grid, packParams } from "../../kernels/kernel.ts";

describe("grid", () => {
  it("folds a count past 65,535 into two dimensions that cover it with less than a row to spare", () => {
    for (const count of [1, 65_535, 65_536, 131_070, 131_071, 1_000_003, 65_535 ** 2]) {
      const [x, y, z] = grid(count);
      expect(Math.max(x, y, z)).toBeLessThanOrEqual(65_535);
      expect(x * y * z).toBeGreaterThanOrEqual(count);
      expect(x * y * z - count).toBeLessThan(Math.max(y, 2));
    }
    expect(grid(65_535)).toEqual([65_535, 1, 1]);
  });
});

describe("packParams", () => {
  it("packs each value as its type in the order of the declaration", () => {
    const words = packParams(
      { N: "u32", scale: "f32", seed: "u32" },
      { seed: 2 ** 32 - 1, N: 7, scale: 0.5 },
    );
    expect([...words]).toEqual([7, 0x3f000000, 0xffffffff]);
  });
});

describe("defineKernel", () => {
  it("refuses an entry the source lacks, naming it", () => {
    expect(() =>
      defineKernel("k", { files: ["./fill.wgsl"], params: {}, entries: { back: [] } }),
    ).toThrow('kernel k: the source has no entry point "back".');
  });

  it("refuses a binding the source lacks, naming it", () => {
    expect(() =>
      defineKernel("k", { files: ["./fill.wgsl"], params: {}, entries: { forward: ["x"] } }),
    ).toThrow('kernel k/forward: the source has no storage variable "x".');
  });

  it("refuses more parameters than 64 bytes", () => {
    const params = Object.fromEntries(
      Array.from({ length: 17 }, (_, i) => [`p${i}`, "u32" as const]),
    );
    expect(() => defineKernel("k", { files: ["./fill.wgsl"], params, entries: {} })).toThrow(
      "64 bytes",
    );
  });
});
