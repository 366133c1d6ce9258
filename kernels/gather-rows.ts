import { defineKernel, EACH } from "./kernel.ts";

export const gatherRows = defineKernel("gather-rows", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./gather-rows.wgsl"],
  params: { N: "u32", C: "u32" },
  constants: EACH,
  entries: { forward: ["index", "x", "y"], backward: ["index", "dy", "dx"] },
});
