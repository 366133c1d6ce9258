import { defineKernel } from "./kernel.ts";

/** Queries (or keys) a workgroup owns, one per thread. */
export const ATTENTION_LANES = 32;

/** Rows of the other side staged at a time: both tiles together stay within the 16 KiB every device offers. */
export function attentionKeys(headSize: number): number {
  const quads = Math.ceil(headSize / 4);
  return Math.max(1, Math.min(32, Math.floor(15872 / (2 * 16 * quads))));
}

/** `A` heads; `span` at least the longest sequence. */
export const ATTENTION_PARAMS = {
  A: "u32",
  scale: "f32",
  span: "u32",
  key0: "u32",
  key1: "u32",
  threshold: "u32",
  keep_scale: "f32",
} as const;

/** `N` = rows times heads, used by backwardDelta alone. */
export const attention = defineKernel("attention", {
  files: [
    "./shared/index.wgsl",
    "./shared/scalar.wgsl",
    "./shared/random.wgsl",
    "./shared/keep.wgsl",
    "./attention.wgsl",
  ],
  params: { ...ATTENTION_PARAMS, N: "u32" },
  constants: { LANES: ATTENTION_LANES, D: 64, D4: 16, KEYS: 31, DROPOUT: false },
  entries: {
    forward: ["rows", "qkv", "y_out", "lse_out"],
    backwardDelta: ["y", "dy", "delta_out"],
    backwardQuery: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
    backwardKeyValue: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
  },
});
