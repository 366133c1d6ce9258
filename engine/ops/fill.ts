import { FILL_REALS, fill as kernels } from "../../kernels/fill.ts";
import { gridOfThreads, ofWidth } from "../../kernels/kernel.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";

/** Every element of y = value, times the first element of `factor` where there is one. y: [...]. */
export function fillInto(gpu: Gpu, y: Tensor, value: number, factor?: Tensor): void {
  const N = y.size;
  const [kernel, reals] = ofWidth(kernels, N);
  const groups = gridOfThreads(kernel, reals / FILL_REALS);
  if (factor) gpu.launch(kernel, "scaled", { y, factor }, { N, value }, groups);
  else gpu.launch(kernel, "forward", { y }, { N, value }, groups);
}
