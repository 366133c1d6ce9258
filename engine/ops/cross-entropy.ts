import { crossEntropy as kernel } from "../../kernels/cross-entropy.ts";
import { grid, gridOfThreads } from "../../kernels/kernel.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import { expectMatrix, format } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Mean over rows of -log softmax(logits)[label]. logits: [R, C]; labels: R class numbers below C. Returns [1].
 * Throws ShapeError for another number of axes, and for a count or label that does not fit: none is ignored.
 */
export function crossEntropy(gpu: Gpu, logits: Tensor, labels: Uint32Array): Tensor {
  const [R, C] = expectMatrix("crossEntropy: logits", logits.shape);
  if (labels.length !== R || labels.some((label) => label >= C)) {
    throw new ShapeError(
      `crossEntropy: ${R} labels below ${C} are needed for logits ${format(logits.shape)}; got ${labels.join(", ")}.`,
    );
  }
  const params = { R, C };
  const uploaded = gpu.upload(labels);
  const probs = gpu.like(logits);
  const losses = gpu.empty([R]);
  const loss = gpu.empty([1]);
  const forward = { labels: uploaded, logits, probs_out: probs, losses_out: losses };
  gpu.launch(kernel, "forward", forward, params, gridOfThreads(kernel, R));
  gpu.launch(kernel, "mean", { losses, loss }, params, [1, 1, 1]);
  gpu.release(losses);
  return gpu.tape.record(loss, [logits], [uploaded, probs], (dloss) => [
    (dlogits, ACCUMULATE) => {
      const backward = { labels: uploaded, probs, dloss, dlogits };
      const [blocks] = gridOfThreads(kernel, C);
      const [y, z] = grid(R);
      gpu.launch(kernel, "backward", backward, params, [blocks, y, z], { ACCUMULATE });
    },
  ]);
}
