// The learning rate of each optimiser step, and how many there are.

/** Peak rate, and lengths in optimiser steps. */
export interface Schedule {
  base: number;
  warmup: number;
  total: number;
}

/**
 * Linear warm-up from 0 to `base`, then linear decay to 0 at `total`.
 * @param step optimiser steps already done: 0 for the first one, whose rate is therefore 0 when there is a warm-up
 * Same as transformers `get_linear_schedule_with_warmup`.
 */
export function learningRate(step: number, { base, warmup, total }: Schedule): number {
  if (step < warmup) return (base * step) / Math.max(1, warmup);
  return base * Math.max(0, (total - step) / Math.max(1, total - warmup));
}

/**
 * Optimiser steps of a whole run: epochs * ceil(batches / accumulation), at least one an epoch; `maxSteps` replaces it,
 * as in transformers `Trainer`.
 * @param run.batches batches in one epoch
 * @param run.accumulation batches whose gradients make one step
 */
export function totalSteps(run: {
  batches: number;
  accumulation: number;
  epochs: number;
  maxSteps?: number | undefined;
}): number {
  return run.maxSteps ?? run.epochs * Math.max(1, Math.ceil(run.batches / run.accumulation));
}

/**
 * Passes over the training set done after `step` optimiser steps, as a fraction: what transformers `Trainer` logs as "epoch".
 * @param step from 1
 * @param batches batches in one epoch; the last step of an epoch may have fewer than `accumulation`
 */
export function epochAfter(
  step: number,
  { batches, accumulation }: { batches: number; accumulation: number },
): number {
  const stepsPerEpoch = Math.ceil(batches / accumulation);
  const whole = Math.floor((step - 1) / stepsPerEpoch);
  const within = step - whole * stepsPerEpoch;
  return whole + Math.min(within * accumulation, batches) / batches;
}
