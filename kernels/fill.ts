import { defineKernel } from "./kernel.ts";

export const fill = defineKernel("fill", {
  files: ["./shared/index.wgsl", "./fill.wgsl"],
  params: { N: "u32", value: "f32" },
  constants: { LANES: 64 },
  entries: { forward: ["y"], scaled: ["y", "factor"] },
});
