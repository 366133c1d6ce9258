import type { Activation } from "../../kernels/activation.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { activationBackward } from "./activation.ts";
import { columnSumInto } from "./column-sum.ts";
import { matmulInto } from "./matmul.ts";

/**
 * y = f(x weightᵀ + bias), as torch.nn.Linear followed by an activation, in one kernel.
 * x: [..., I], weight: [O, I], bias: [O]; returns [..., O]. Keeps the value before f for backward while recording.
 */
export function linear(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  activation: Activation = "none",
): Tensor {
  const [O, I] = [weight.shape[0]!, x.shape.at(-1)!];
  expectShape("linear: weight", weight.shape, [O, I]);
  expectShape("linear: bias", bias.shape, [O]);
  const y = gpu.empty([...x.shape.slice(0, -1), O]); // [..., O]
  const keep = activation !== "none" && gpu.tape.recording;
  const pre = keep ? gpu.like(y) : undefined;
  matmulInto(gpu, "NT", x, weight, y, { bias, activation, pre });
  return gpu.tape.record(y, [x, weight, bias], pre ? [pre] : [], (dy, scratch) => {
    let dpre = dy;
    if (pre) {
      dpre = scratch(gpu.like(pre));
      activationBackward(gpu, pre, dy, dpre, activation, false);
    }
    return [
      (dx, accumulate) => matmulInto(gpu, "NN", dpre, weight, dx, { accumulate }),
      (dweight, accumulate) => matmulInto(gpu, "TN", dpre, x, dweight, { accumulate }),
      (dbias, accumulate) => columnSumInto(gpu, dpre, dbias, accumulate),
    ];
  });
}
