import { gatherRows as kernel } from "../../kernels/gather-rows.ts";
import { launchEach } from "../each.ts";
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
  launchEach(gpu, kernel, "forward", { index, x, y }, params, y.size);
  return gpu.tape.record(y, [x], [index], (dy) => [
    (dx, accumulate) => {
      if (!accumulate) fillInto(gpu, dx, 0);
      launchEach(gpu, kernel, "backward", { index, dy, dx }, params, y.size);
    },
  ]);
}
