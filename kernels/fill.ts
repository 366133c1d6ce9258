import { EACH, inBothWidths } from "./kernel.ts";

export const fill = inBothWidths("fill", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "./fill.wgsl"],
  params: { N: "u32", value: "f32" },
  constants: { ...EACH },
  entries: { forward: ["y"], scaled: ["y", "factor"] },
});
