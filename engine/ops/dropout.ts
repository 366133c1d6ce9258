import { dropout as kernels } from "../../kernels/dropout.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import { launchEach } from "../each.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";

/** Names the random bits of one use of dropout in one step: two words, equal in forward and backward. */
export interface DropoutKey {
  readonly key0: number;
  readonly key1: number;
}

/** The bound below which 32 random bits mean "dropped", and the factor of what is kept. */
export function dropoutParams(p: number): { threshold: number; scale: number } {
  if (!(p >= 0 && p < 1)) {
    throw new ShapeError(`dropout: the probability must be in [0, 1); got ${p}.`);
  }
  return { threshold: Math.min(2 ** 32 - 1, Math.round(p * 2 ** 32)), scale: 1 / (1 - p) };
}

/**
 * Zeroes each element with probability p in [0, 1) and scales the rest by 1 / (1 - p). x: [...]; returns the same shape.
 * The bits depend on `key` and the element's position only. Srivastava et al. 2014, JMLR 15.
 */
export function dropout(gpu: Gpu, x: Tensor, p: number, key: DropoutKey): Tensor {
  const { threshold, scale } = dropoutParams(p);
  if (p === 0) return x;
  const N = x.size;
  const [kernel, reals] = ofWidth(kernels, N);
  const params = { N, ...key, threshold, scale };
  const apply = (from: Tensor, y: Tensor, ACCUMULATE: boolean): void =>
    launchEach(gpu, kernel, "apply", { x: from, y }, params, reals, { ACCUMULATE });
  const y = gpu.like(x);
  apply(x, y, false);
  return gpu.tape.record(y, [x], [], (dy) => [(dx, accumulate) => apply(dy, dx, accumulate)]);
}
