// Kernels for one product, with the same entry points; engine/ops/matmul.ts chooses by adapter and shape. A fourth, with
// generated text, is in matmul-broadcast.ts.
//   product     C (+)= op(A) op(B)
//   linear      C = f(op(A) op(B) + bias), f by ACTIVATION
//   linearKeep  the same, and keeps the value before f for backward
import { defineKernel } from "./kernel.ts";

export const MATMUL_PARAMS = { M: "u32", N: "u32", K: "u32" } as const;
const constants = { A_TRANSPOSED: false, B_TRANSPOSED: false, ACCUMULATE: false, ACTIVATION: 0 };
export const MATMUL_ENTRIES = {
  product: ["a", "b", "c"],
  linear: ["a", "b", "bias", "c"],
  linearKeep: ["a", "b", "bias", "c", "pre"],
} as const;

export const matmulNaive = defineKernel("matmul-naive", {
  files: ["./shared/activation.wgsl", "./matmul-naive.wgsl"],
  params: MATMUL_PARAMS,
  constants,
  entries: MATMUL_ENTRIES,
});

export const MATMUL_REGISTER = { LANES: 8, ROWS: 8 };

export const matmulRegister = defineKernel("matmul-register", {
  files: ["./shared/activation.wgsl", "./matmul-register.wgsl"],
  params: MATMUL_PARAMS,
  constants: { ...constants, ...MATMUL_REGISTER },
  entries: MATMUL_ENTRIES,
});

/** Rows and columns of C that a workgroup of `matmulTiled` owns. */
export const MATMUL_TILE = 64;

export const matmulTiled = defineKernel("matmul-tiled", {
  files: ["./shared/activation.wgsl", "./matmul-tiled.wgsl"],
  params: MATMUL_PARAMS,
  constants,
  entries: MATMUL_ENTRIES,
});
