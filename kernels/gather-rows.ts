import { defineKernel } from "./kernel.ts";

export const gatherRows = defineKernel("gather-rows", {
  files: ["./shared/index.wgsl", "./gather-rows.wgsl"],
  params: { N: "u32", C: "u32" },
  constants: { LANES: 64 },
  entries: { forward: ["index", "x", "y"], backward: ["index", "dy", "dx"] },
});
