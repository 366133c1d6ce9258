// Kernels for one product, with the same entry points; engine/matmul-variants.ts says which fit an adapter and shape.
// Two more, with generated text, are in matmul-broadcast.ts and matmul-matrix.ts.
//   product     C (+)= op(A) op(B)
//   linear      C = f(op(A) op(B) + bias), f by ACTIVATION
//   linearKeep  the same, and keeps the value before f for backward
import { defineKernel, EACH, type Kernel } from "./kernel.ts";

/** Which operand is read transposed: C = A B, A Bᵀ or Aᵀ B. */
export type Layout = "NN" | "NT" | "TN";

export const MATMUL_PARAMS = { M: "u32", N: "u32", K: "u32" } as const;
const constants = {
  A_TRANSPOSED: false,
  B_TRANSPOSED: false,
  ACCUMULATE: false,
  ACTIVATION: 0,
};
export const MATMUL_ENTRIES = {
  product: ["a", "b", "c"],
  linear: ["a", "b", "bias", "c"],
  linearKeep: ["a", "b", "bias", "c", "pre"],
} as const;

export type MatmulKernel = Kernel<typeof MATMUL_PARAMS, typeof MATMUL_ENTRIES>;

export const matmulNaive = defineKernel("matmul-naive", {
  files: ["./shared/scalar.wgsl", "./shared/activation.wgsl", "./matmul-naive.wgsl"],
  params: MATMUL_PARAMS,
  constants: { ...constants, HALF: false },
  entries: MATMUL_ENTRIES,
});

export const MATMUL_REGISTER = { LANES: 8, ROWS: 8 };

export const matmulRegister = defineKernel("matmul-register", {
  files: ["./shared/quad.wgsl", "./shared/activation.wgsl", "./matmul-register.wgsl"],
  params: MATMUL_PARAMS,
  constants: { ...constants, ...MATMUL_REGISTER, HALF: false },
  entries: MATMUL_ENTRIES,
});

/** Threads of a workgroup of `matmulTiled` in x and y. */
export const MATMUL_TILED = { X: 16, Y: 16 };

export const matmulTiled = defineKernel("matmul-tiled", {
  files: ["./shared/quad.wgsl", "./shared/activation.wgsl", "./matmul-tiled.wgsl"],
  params: MATMUL_PARAMS,
  constants: {
    ...constants,
    ...MATMUL_TILED,
    ELEM: "f32",
    ROW_QUADS: 1,
    COLUMN_QUADS: 1,
    STEP: 16,
    SPLIT: 1,
  },
  entries: MATMUL_ENTRIES,
  lanes: "fewest",
});

/** `S` partial sums of `N` elements each. */
export const matmulSplit = defineKernel("matmul-split", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./matmul-split.wgsl"],
  params: { S: "u32", N: "u32" },
  constants: { ...EACH, ACCUMULATE: false },
  entries: { total: ["partial", "c"] },
});

/** `X` rows or columns of an operand, `K` long, in panels of WIDTH of them. */
export const matmulPack = defineKernel("matmul-pack", {
  files: ["./shared/each.wgsl", "./matmul-pack.wgsl"],
  params: { X: "u32", K: "u32" },
  constants: { ...EACH, WIDTH: 32 },
  entries: { rows: ["x", "p"], columns: ["x", "p"] },
});

/** `N` elements of an operand as f16, two to a word. */
export const matmulHalf = defineKernel("matmul-half", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./matmul-half.wgsl"],
  params: { N: "u32" },
  constants: { ...EACH },
  entries: { rounded: ["a", "h"] },
  enables: ["f16"],
});
