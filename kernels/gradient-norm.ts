import { defineKernel } from "./kernel.ts";

/** Largest number of partial sums one dispatch makes, and threads that make each. */
export const GRADIENT_NORM = { PARTIALS: 256, LANES: 128 } as const;
/** On a software adapter one subgroup each: barriers are what costs there (bench/NOTES.md). */
export const GRADIENT_NORM_SOFTWARE = { PARTIALS: 64, LANES: 8 } as const;

/** `first` is where a dispatch's partial sums start; `max_norm` 0 means no clipping. */
export const gradientNorm = defineKernel("gradient-norm", {
  files: ["./shared/reduce.wgsl", "./gradient-norm.wgsl"],
  params: { N: "u32", first: "u32", max_norm: "f32" },
  constants: { LANES: GRADIENT_NORM.LANES },
  entries: {
    partial: ["x", "partial_out"],
    total: ["partial_in", "state"],
    totalScaled: ["partial_in", "state", "loss_scale"],
  },
});
