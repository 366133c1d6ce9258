import { EACH, inBothWidths } from "./kernel.ts";

/** The numbers shared/activation.wgsl knows the activations by. */
export const ACTIVATIONS = { none: 0, gelu_new: 1, gelu: 2, relu: 3, tanh: 4 } as const;
export type Activation = keyof typeof ACTIVATIONS;

export const activation = inBothWidths("activation", {
  files: [
    "./shared/index.wgsl",
    "./shared/each.wgsl",
    "./shared/activation.wgsl",
    "./activation.wgsl",
  ],
  params: { N: "u32" },
  constants: { ...EACH, ACTIVATION: 1, ACCUMULATE: false },
  entries: { forward: ["x", "y"], backward: ["x", "dy", "dx"] },
});
