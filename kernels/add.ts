import { EACH, inBothWidths } from "./kernel.ts";

export const add = inBothWidths("add", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./add.wgsl"],
  params: { N: "u32" },
  constants: { ...EACH },
  entries: { forward: ["a", "b", "y"], accumulate: ["a", "y"] },
});
