import { adamw as kernel } from "../../kernels/adamw.ts";
import {
  GRADIENT_NORM,
  GRADIENT_NORM_SOFTWARE,
  gradientNorm as normKernel,
} from "../../kernels/gradient-norm.ts";
import { launchEach } from "../each.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import type { ParameterSet } from "../parameters.ts";
import { expectShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";

/** Elements of a flat buffer that one dispatch binds: 64 MiB, half of the smallest binding limit there is. */
const SLICE = 1 << 24;

function* slices(size: number): Generator<{ from: number; slice: (flat: Tensor) => Tensor }> {
  for (let from = 0; from < size; from += SLICE) {
    const N = Math.min(SLICE, size - from);
    yield { from, slice: (flat) => new Tensor([N], flat.buffer, flat.offset + from * 4) };
  }
}

/**
 * The global L2 norm of all gradients and the factor that clips it to `maxNorm` (0: no clipping), as
 * torch.nn.utils.clip_grad_norm_. Returns [norm, factor, finite, loss scale] on the device, for adamw. With `lossScale`,
 * [scale, finite steps in a row], the gradients are that many times too large: norm and factor allow for it, and the scale
 * is adapted for the next step.
 */
export function gradientNorm(
  gpu: Gpu,
  set: ParameterSet,
  maxNorm: number,
  lossScale?: Tensor,
): Tensor {
  const parts = Math.ceil(set.size / SLICE);
  const { PARTIALS, LANES } = gpu.info.software ? GRADIENT_NORM_SOFTWARE : GRADIENT_NORM;
  const partial = gpu.empty([parts * PARTIALS]);
  let first = 0;
  for (const { slice } of slices(set.size)) {
    const x = slice(set.gradients);
    const groups = Math.min(PARTIALS, Math.ceil(x.size / 4 / LANES));
    const params = { N: x.size, first, max_norm: 0 };
    gpu.launch(normKernel, "partial", { x, partial_out: partial }, params, [groups, 1, 1], {
      LANES,
    });
    first += groups;
  }
  const state = gpu.empty([4]);
  const params = { N: first, first: 0, max_norm: maxNorm };
  const buffers = { partial_in: partial, state };
  if (lossScale) {
    const all = { ...buffers, loss_scale: lossScale };
    gpu.launch(normKernel, "totalScaled", all, params, [1, 1, 1]);
  } else gpu.launch(normKernel, "total", buffers, params, [1, 1, 1]);
  gpu.release(partial);
  return state;
}

/** Settings of AdamW; the field's defaults are betas 0.9 and 0.999, eps 1e-8. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** First and second moments, as long as the parameters' flat buffer. */
export interface Moments {
  readonly m: Tensor;
  readonly v: Tensor;
  /**
   * [2], 1 - beta^t of both moments with t the updates made so far, zeros before the first: for gradients of which some are
   * expected not to be finite, and do not count. Without it t is the step.
   */
  readonly corrections?: Tensor | undefined;
}

/**
 * One AdamW update of all parameters with decoupled weight decay, in torch.optim.AdamW's order of operations.
 * `state` is gradientNorm's: gradients are scaled by its factor, and nothing changes when it is not finite.
 * The next Tape.gradients begins its sums anew. `step` counts from 1 and is not looked at where there are `corrections`,
 * which it updates. Throws ShapeError. Loshchilov and Hutter 2019, arXiv:1711.05101.
 */
export function adamw(
  gpu: Gpu,
  set: ParameterSet,
  { m, v, corrections }: Moments,
  state: Tensor,
  lr: number,
  step: number,
  { beta1, beta2, eps, weightDecay }: AdamWOptions,
): void {
  expectShape("adamw: m", m.shape, [set.size]);
  expectShape("adamw: v", v.shape, [set.size]);
  expectShape("adamw: state", state.shape, [4]);
  if (!corrections && (!Number.isInteger(step) || step < 1)) {
    throw new ShapeError(`adamw: step must be an integer from 1 on; got ${step}.`);
  }
  const settings = {
    lr,
    weight_decay: weightDecay,
    beta1,
    one_minus_beta1: 1 - beta1,
    beta2,
    one_minus_beta2: 1 - beta2,
    eps,
    step_size: lr / (1 - beta1 ** step),
    root_c2: Math.sqrt(1 - beta2 ** step),
  };
  if (corrections) {
    expectShape("adamw: corrections", corrections.shape, [2]);
    const params = { ...settings, N: 0, decayed: 0 };
    gpu.launch(kernel, "correct", { state, corrections_out: corrections }, params, [1, 1, 1]);
  }
  for (const { from, slice } of slices(set.size)) {
    const parameter = slice(set.values);
    const N = parameter.size;
    const buffers = {
      gradient: slice(set.gradients),
      state,
      parameter,
      m: slice(m),
      v: slice(v),
    };
    const params = { ...settings, N, decayed: Math.min(N, Math.max(0, set.decayed - from)) };
    if (corrections) {
      const all = { ...buffers, corrections };
      launchEach(gpu, kernel, "updateCorrected", all, params, N / 4);
    } else launchEach(gpu, kernel, "update", buffers, params, N / 4);
  }
  gpu.tape.sums.end(set.gradients.buffer);
}
