import { inBothWidths } from "./kernel.ts";

/** Reals of a thread. */
export const FILL_REALS = 8;

export const fill = inBothWidths("fill", {
  files: ["./shared/index.wgsl", "./fill.wgsl"],
  params: { N: "u32", value: "f32" },
  constants: { LANES: 64, REALS: FILL_REALS },
  entries: { forward: ["y"], scaled: ["y", "factor"] },
});
