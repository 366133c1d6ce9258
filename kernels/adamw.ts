import { defineKernel, EACH } from "./kernel.ts";

/** `step_size` is lr / (1 - beta1^t), `root_c2` sqrt(1 - beta2^t); 1 - beta comes from the CPU, where it is exact. */
export const adamw = defineKernel("adamw", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./adamw.wgsl"],
  params: {
    N: "u32",
    decayed: "u32",
    lr: "f32",
    weight_decay: "f32",
    beta1: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
    step_size: "f32",
    root_c2: "f32",
  },
  constants: { ...EACH },
  entries: {
    correct: ["state", "corrections_out"],
    update: ["gradient", "state", "parameter", "m", "v"],
    updateCorrected: ["gradient", "state", "parameter", "m", "v", "corrections"],
  },
});
