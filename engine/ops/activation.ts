import { type Activation, ACTIVATIONS, activation as kernels } from "../../kernels/activation.ts";
import { ofWidth } from "../../kernels/kernel.ts";
import { launchEach } from "../each.ts";
import { KernelError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";

/** The number the kernels know an activation by. Throws KernelError for a name they do not. */
export function activationNumber(kind: Activation): number {
  if (Object.hasOwn(ACTIVATIONS, kind)) return ACTIVATIONS[kind];
  const known = Object.keys(ACTIVATIONS).join(", ");
  throw new KernelError(`activation: must be one of ${known}; got ${kind as string}.`);
}

/**
 * Element-wise non-linearity: "gelu_new" (tanh form), "gelu" (erf form), "relu", "tanh", or "none". NaN stays NaN.
 * x: [...]; returns the same shape. Hendrycks and Gimpel 2016, arXiv:1606.08415.
 */
export function activation(gpu: Gpu, x: Tensor, kind: Activation): Tensor {
  const ACTIVATION = activationNumber(kind);
  const N = x.size;
  const y = gpu.like(x);
  const [kernel, reals] = ofWidth(kernels, N);
  launchEach(gpu, kernel, "forward", { x, y }, { N }, reals, { ACTIVATION });
  return gpu.tape.record(y, [x], [], (dy) => [
    (dx, ACCUMULATE) => activationBackward(gpu, x, dy, dx, kind, ACCUMULATE),
  ]);
}

/** dx (+)= dy * f'(x). Shared with linear, whose epilogue applies the activation in forward. */
export function activationBackward(
  gpu: Gpu,
  x: Tensor,
  dy: Tensor,
  dx: Tensor,
  kind: Activation,
  ACCUMULATE: boolean,
): void {
  const constants = { ACTIVATION: activationNumber(kind), ACCUMULATE };
  const N = x.size;
  const [kernel, reals] = ofWidth(kernels, N);
  launchEach(gpu, kernel, "backward", { x, dy, dx }, { N }, reals, constants);
}
