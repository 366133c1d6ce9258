import { defineKernel } from "./kernel.ts";

/** Largest number of partial sums one dispatch makes. */
export const GRADIENT_NORM_PARTIALS = 256;
export const GRADIENT_NORM_LANES = 128;

/** `first` is where a dispatch's partial sums start; `max_norm` 0 means no clipping. */
export const gradientNorm = defineKernel("gradient-norm", {
  files: ["./shared/reduce.wgsl", "./gradient-norm.wgsl"],
  params: { N: "u32", first: "u32", max_norm: "f32" },
  constants: { LANES: GRADIENT_NORM_LANES },
  entries: {
    partial: ["x", "partial_out"],
    total: ["partial_in", "state"],
    totalScaled: ["partial_in", "state", "loss_scale"],
  },
});
