import { EACH, inBothWidths } from "./kernel.ts";

export const embedding = inBothWidths("embedding", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./embedding.wgsl"],
  params: { R: "u32", C: "u32", S: "u32" },
  constants: { ...EACH, ACCUMULATE: false },
  entries: {
    forward: ["index", "table", "y"],
    backward: ["offsets", "items", "targets", "source", "sums"],
  },
});
