import { add as kernels } from "../../kernels/add.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import { launchEach } from "../each.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Element-wise sum. a, b: [...], one shape. Returns that shape. Throws ShapeError when they differ. */
export function add(gpu: Gpu, a: Tensor, b: Tensor): Tensor {
  expectShape("add: b", b.shape, a.shape);
  const y = gpu.like(a);
  const N = a.size;
  const [kernel, reals] = ofWidth(kernels, N);
  launchEach(gpu, kernel, "forward", { a, b, y }, { N }, reals);
  return gpu.tape.record(y, [a, b], [], (dy) => [dy, dy]);
}
