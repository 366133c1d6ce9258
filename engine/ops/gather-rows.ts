import { gatherRows as kernel } from "../../kernels/gather-rows.ts";
import { gridOfThreads } from "../../kernels/kernel.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import { expectMatrix, format } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { fillInto } from "./fill.ts";

/**
 * y[b] = x[rows[b]], for the first token of each sequence. x: [R, C]; rows: indices below R, none twice.
 * Returns [rows.length, C]. Throws ShapeError for an index out of range or repeated.
 */
export function gatherRows(gpu: Gpu, x: Tensor, rows: Uint32Array): Tensor {
  const [R, C] = expectMatrix("gatherRows: x", x.shape);
  if (rows.some((row) => row >= R) || new Set(rows).size !== rows.length) {
    throw new ShapeError(
      `gatherRows: rows must be distinct and below ${R} for x ${format(x.shape)}; got ${rows.join(", ")}.`,
    );
  }
  const index = gpu.upload(rows);
  const y = gpu.empty([rows.length, C]);
  const params = { N: y.size, C };
  const groups = gridOfThreads(kernel, y.size);
  gpu.launch(kernel, "forward", { index, x, y }, params, groups);
  return gpu.tape.record(y, [x], [index], (dy) => [
    (dx, accumulate) => {
      if (!accumulate) fillInto(gpu, dx, 0);
      gpu.launch(kernel, "backward", { index, dy, dx }, params, groups);
    },
  ]);
}
