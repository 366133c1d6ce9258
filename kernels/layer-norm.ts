import { inBothWidths } from "./kernel.ts";

/** Rows one workgroup of `backwardParams` adds up. */
export const LAYER_NORM_ROWS = 64;
/** Threads of a row, and rows of a workgroup. */
export const LAYER_NORM = { LANES: 64, GROUP_ROWS: 1 } as const;
/** On a software adapter, where a barrier costs as much as half a row (bench/NOTES.md). */
export const LAYER_NORM_SOFTWARE = { LANES: 1, GROUP_ROWS: 8 } as const;

export const layerNorm = inBothWidths("layer-norm", {
  files: ["./shared/index.wgsl", "./shared/reduce.wgsl", "./layer-norm.wgsl"],
  params: { R: "u32", C: "u32", eps: "f32" },
  constants: { ...LAYER_NORM, ROWS: LAYER_NORM_ROWS, ACCUMULATE: false },
  entries: {
    forward: ["x", "gamma", "beta", "y", "mean_out", "rstd_out"],
    forwardResidual: ["x", "residual", "gamma", "beta", "sum", "y", "mean_out", "rstd_out"],
    backwardInput: ["x", "dy", "gamma", "mean", "rstd", "dx"],
    backwardParams: ["x", "dy", "mean", "rstd", "partial_gamma", "partial_beta"],
  },
});
