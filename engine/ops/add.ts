import { add as kernels } from "../../kernels/add.ts";
import { gridOfThreads, ofWidth } from "../../kernels/kernel.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Element-wise sum. a, b: [...], one shape. Returns that shape. Throws ShapeError when they differ. */
export function add(gpu: Gpu, a: Tensor, b: Tensor): Tensor {
  expectShape("add: b", b.shape, a.shape);
  const y = gpu.like(a);
  const N = a.size;
  const [kernel, reals] = ofWidth(kernels, N);
  gpu.launch(kernel, "forward", { a, b, y }, { N }, gridOfThreads(kernel, reals));
  return gpu.tape.record(y, [a, b], [], (dy) => [dy, dy]);
}
