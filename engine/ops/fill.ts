import { fill as kernels } from "../../kernels/fill.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import { launchEach } from "../each.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";

/** Every element of y = value, times the first element of `factor` where there is one. y: [...]. */
export function fillInto(gpu: Gpu, y: Tensor, value: number, factor?: Tensor): void {
  const N = y.size;
  const [kernel, reals] = ofWidth(kernels, N);
  if (factor) launchEach(gpu, kernel, "scaled", { y, factor }, { N, value }, reals);
  else launchEach(gpu, kernel, "forward", { y }, { N, value }, reals);
}
