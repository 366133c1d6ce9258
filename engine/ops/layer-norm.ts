import { grid, ofWidth } from "../../kernels/kernel.ts";
import {
  LAYER_NORM,
  LAYER_NORM_ROWS,
  LAYER_NORM_SOFTWARE,
  layerNorm as kernels,
} from "../../kernels/layer-norm.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape, rowsAndColumns } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { totalInto } from "./column-sum.ts";

/**
 * y = (s - mean) / sqrt(variance + eps) * gamma + beta over the last axis, with s = x, or x + residual in one kernel.
 * x, residual: [..., C]; gamma, beta: [C]; returns the shape of x. Throws ShapeError. Ba et al. 2016, arXiv:1607.06450.
 */
export function layerNorm(
  gpu: Gpu,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  eps: number,
  residual?: Tensor,
): Tensor {
  const { R, C } = rowsAndColumns(x.shape);
  expectShape("layerNorm: gamma", gamma.shape, [C]);
  expectShape("layerNorm: beta", beta.shape, [C]);
  if (residual) expectShape("layerNorm: residual", residual.shape, x.shape);
  const params = { R, C, eps };
  const [kernel, reals] = ofWidth(kernels, C);
  const division = gpu.info.software ? LAYER_NORM_SOFTWARE : LAYER_NORM;
  const byRows = grid(Math.ceil(R / division.GROUP_ROWS));
  const y = gpu.like(x);
  const [mean, rstd] = [gpu.empty([R]), gpu.empty([R])];
  const outputs = { y, mean_out: mean, rstd_out: rstd };
  const saved = [mean, rstd];
  let sum = x; // what was normalised
  if (residual) {
    sum = gpu.like(x);
    saved.push(sum);
    const buffers = { x, residual, gamma, beta, sum, ...outputs };
    gpu.launch(kernel, "forwardResidual", buffers, params, byRows, division);
  } else {
    gpu.launch(kernel, "forward", { x, gamma, beta, ...outputs }, params, byRows, division);
  }
  const inputs = residual ? [gamma, beta, x, residual] : [gamma, beta, x];
  return gpu.tape.record(y, inputs, saved, (dy, scratch) => {
    const P = Math.ceil(R / LAYER_NORM_ROWS);
    const partialGamma = scratch(gpu.empty([P, C]));
    const partialBeta = scratch(gpu.empty([P, C]));
    const partials = { partial_gamma: partialGamma, partial_beta: partialBeta };
    const columns = Math.ceil(reals / LAYER_NORM.LANES);
    const from = { x: sum, dy, mean, rstd };
    gpu.launch(kernel, "backwardParams", { ...from, ...partials }, params, [columns, P, 1]);
    const input = (dx: Tensor, ACCUMULATE: boolean): void =>
      gpu.launch(kernel, "backwardInput", { gamma, dx, ...from }, params, byRows, {
        ACCUMULATE,
        ...division,
      });
    const ofParams = [
      (into: Tensor, accumulate: boolean): void => totalInto(gpu, partialGamma, into, accumulate),
      (into: Tensor, accumulate: boolean): void => totalInto(gpu, partialBeta, into, accumulate),
    ];
    if (!residual) return [...ofParams, input];
    const dsum = scratch(gpu.like(x)); // both summands have the gradient of the sum
    input(dsum, false);
    return [...ofParams, dsum, dsum];
  });
}
