// y = f(x Wᵀ + b), torch.nn.Linear followed by an activation.   x: [R, I]   weight: [O, I]   bias: [O]   y: [R, O]
//   dpre = dy f'(pre), dx = dpre W, dW = dpreᵀ x, db = column sums of dpre.

import { type Activation, activation, activationBackward } from "./activation.ts";
import { columnSum } from "./column-sum.ts";
import { matmul, matmulBackward, type Sizes } from "./matmul.ts";

export interface LinearInputs {
  readonly x: Float64Array;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

function sizesOf({ x, weight, bias }: LinearInputs): Sizes {
  const N = bias.length;
  const K = weight.length / N;
  return { M: x.length / K, N, K };
}

/** The value before the activation. */
function preActivation(inputs: LinearInputs): Float64Array {
  const { x, weight, bias } = inputs;
  return matmul("NT", x, weight, sizesOf(inputs)).map((sum, i) => sum + bias[i % bias.length]!);
}

export function linear(inputs: LinearInputs, kind: Activation = "none"): Float64Array {
  return activation(kind, preActivation(inputs));
}

export function linearBackward(
  inputs: LinearInputs,
  dy: Float64Array,
  kind: Activation = "none",
): { x: Float64Array; weight: Float64Array; bias: Float64Array } {
  const { x, weight, bias } = inputs;
  const dpre = activationBackward(kind, preActivation(inputs), dy);
  const { a, b } = matmulBackward("NT", x, weight, dpre, sizesOf(inputs));
  return { x: a, weight: b, bias: columnSum(dpre, bias.length) };
}
