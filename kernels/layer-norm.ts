import { inBothWidths } from "./kernel.ts";

/** Rows one workgroup of `backwardParams` adds up. */
export const LAYER_NORM_ROWS = 64;
export const LAYER_NORM_LANES = 64;
/** Threads per row on a software adapter, where a barrier costs more than a longer loop (bench/NOTES.md). */
export const LAYER_NORM_SOFTWARE_LANES = 8;

export const layerNorm = inBothWidths("layer-norm", {
  files: ["./shared/index.wgsl", "./shared/reduce.wgsl", "./layer-norm.wgsl"],
  params: { R: "u32", C: "u32", eps: "f32" },
  constants: { LANES: LAYER_NORM_LANES, ROWS: LAYER_NORM_ROWS, ACCUMULATE: false },
  entries: {
    forward: ["x", "gamma", "beta", "y", "mean_out", "rstd_out"],
    forwardResidual: ["x", "residual", "gamma", "beta", "sum", "y", "mean_out", "rstd_out"],
    backwardInput: ["x", "dy", "gamma", "mean", "rstd", "dx"],
    backwardParams: ["x", "dy", "mean", "rstd", "partial_gamma", "partial_beta"],
  },
});
