import { inBothWidths } from "./kernel.ts";

export const add = inBothWidths("add", {
  files: ["./shared/index.wgsl", "./add.wgsl"],
  params: { N: "u32" },
  constants: { LANES: 64 },
  entries: { forward: ["a", "b", "y"], accumulate: ["a", "y"] },
});
