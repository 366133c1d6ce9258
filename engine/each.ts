import {
  type Constants,
  EACH,
  EACH_SOFTWARE,
  type Entries,
  grid,
  type Kernel,
  type Params,
} from "../kernels/kernel.ts";
import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/** As Gpu.launch, for a kernel that goes over `count` elements by shared/each.wgsl: as the adapter does it best. */
export function launchEach<P extends Params, E extends Entries, N extends keyof E & string>(
  gpu: Gpu,
  kernel: Kernel<P, E>,
  entry: N,
  buffers: Readonly<Record<E[N][number], Tensor>>,
  params: Readonly<Record<keyof P, number>>,
  count: number,
  constants: Constants = {},
): void {
  const each = gpu.info.software ? EACH_SOFTWARE : EACH;
  const workgroups = Math.ceil(count / (each.LANES * each.TURNS));
  gpu.launch(kernel, entry, buffers, params, grid(workgroups), { ...constants, ...each });
}
