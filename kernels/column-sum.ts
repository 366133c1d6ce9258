import { inBothWidths } from "./kernel.ts";

/** Rows one workgroup of the first stage adds up. */
export const COLUMN_SUM_ROWS = 64;
export const COLUMN_SUM_LANES = 64;

/** `R` is the number of rows to add: of x in `partial`, of the partial sums in `total`. */
export const columnSum = inBothWidths("column-sum", {
  files: ["./column-sum.wgsl"],
  params: { R: "u32", C: "u32" },
  constants: { LANES: COLUMN_SUM_LANES, ROWS: COLUMN_SUM_ROWS, ACCUMULATE: false },
  entries: { partial: ["x", "partial_out"], total: ["partial_in", "y"] },
});
