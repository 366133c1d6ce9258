import { inBothWidths } from "./kernel.ts";

/** A workgroup of the first stage: its threads over columns, and the rows that it adds up. */
export const COLUMN_SUM = { LANES: 64, ROWS: 64 } as const;
/** Threads of the second stage over columns and over rows: columns are few, and a GPU waits for the longest chain of reads. */
export const COLUMN_TOTAL = { LANES: 16, SHARES: 16 } as const;
/** On a software adapter, where a barrier costs more than the loop. */
export const COLUMN_TOTAL_SOFTWARE = { LANES: 64, SHARES: 1 } as const;

/** `R` is the number of rows to add: of x in `partial`, of the partial sums in `total`. */
export const columnSum = inBothWidths("column-sum", {
  files: ["./column-sum.wgsl"],
  params: { R: "u32", C: "u32" },
  constants: { ...COLUMN_SUM, SHARES: 1, ACCUMULATE: false },
  entries: { partial: ["x", "partial_out"], total: ["partial_in", "y"] },
});
