import { defineKernel } from "./kernel.ts";

export const crossEntropy = defineKernel("cross-entropy", {
  files: ["./shared/index.wgsl", "./shared/reduce.wgsl", "./cross-entropy.wgsl"],
  params: { R: "u32", C: "u32" },
  constants: { LANES: 64, ACCUMULATE: false },
  entries: {
    forward: ["labels", "logits", "probs_out", "losses_out"],
    mean: ["losses", "loss"],
    backward: ["labels", "probs", "dloss", "dlogits"],
  },
});
