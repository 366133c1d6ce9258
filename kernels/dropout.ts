import { EACH, inBothWidths } from "./kernel.ts";

export const dropout = inBothWidths("dropout", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./shared/random.wgsl", "./dropout.wgsl"],
  params: { N: "u32", key0: "u32", key1: "u32", threshold: "u32", scale: "f32" },
  constants: { ...EACH, ACCUMULATE: false },
  entries: { apply: ["x", "y"] },
});
