import { describe, expect, it } from "vitest";
import { adamw } from "../../kernels/adamw.ts";
import { defineKernel, grid, gridOfThreads, packParams } from "../../kernels/kernel.ts";

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

describe("gridOfThreads", () => {
  it("counts workgroups by the LANES that the kernel declares", () => {
    expect(adamw.constants["LANES"]).toBe(64);
    expect([1, 64, 64.25, 65].map((threads) => gridOfThreads(adamw, threads)[0])).toEqual([
      1, 1, 2, 2,
    ]);
    const wider = { ...adamw, constants: { LANES: 256 } };
    expect(gridOfThreads(wider, 257)).toEqual([2, 1, 1]);
  });

  it("refuses a kernel that does not say how many threads a workgroup has", () => {
    expect(() => gridOfThreads({ ...adamw, constants: {} }, 64)).toThrow(
      "kernel adamw: it has no constant LANES.",
    );
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
