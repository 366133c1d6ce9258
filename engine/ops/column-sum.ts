import {
  COLUMN_SUM,
  COLUMN_TOTAL,
  COLUMN_TOTAL_SOFTWARE,
  columnSum as kernels,
} from "../../kernels/column-sum.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape, rowsAndColumns } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** y (+)= the sum of x over all axes but the last. x: [..., C], y: [C]. Two stages, always in the same order. Throws ShapeError. */
export function columnSumInto(gpu: Gpu, x: Tensor, y: Tensor, accumulate: boolean): void {
  const { R, C } = rowsAndColumns(x.shape);
  expectShape("columnSum: y", y.shape, [C]);
  const P = Math.ceil(R / COLUMN_SUM.ROWS);
  const partial = gpu.empty([P, C]);
  const [kernel, reals] = ofWidth(kernels, C);
  const columns = Math.ceil(reals / COLUMN_SUM.LANES);
  gpu.launch(kernel, "partial", { x, partial_out: partial }, { R, C }, [columns, P, 1]);
  totalInto(gpu, partial, y, accumulate);
  gpu.release(partial);
}

/** The second stage alone: y (+)= the sum of partial's rows. partial: [P, C], y: [C]. */
export function totalInto(gpu: Gpu, partial: Tensor, y: Tensor, ACCUMULATE: boolean): void {
  const { R, C } = rowsAndColumns(partial.shape);
  const buffers = { partial_in: partial, y };
  const [kernel, reals] = ofWidth(kernels, C);
  const division = gpu.info.software ? COLUMN_TOTAL_SOFTWARE : COLUMN_TOTAL;
  const groups = [Math.ceil(reals / division.LANES), 1, 1] as const;
  gpu.launch(kernel, "total", buffers, { R, C }, groups, { ACCUMULATE, ...division });
}
