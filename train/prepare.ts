// What is done before the first step: memory is planned and taken, and the kernels are compiled.

import type { LabelledSet } from "./evaluate.ts";
import { type LabelledBatch, labelledBatch, longestTexts } from "./labelled-batch.ts";
import { planMemory } from "./memory.ts";
import type { TrainingObserver } from "./observer.ts";
import type { AdamW } from "./optimiser.ts";
import { logitsOf, trainStep } from "./step.ts";
import type { TrainingRun } from "./training-run.ts";

/**
 * Plans the memory of a run, takes it, and compiles the kernels of its steps and evaluations, several at a time. Throws
 * DeviceError when the device has less memory.
 */
export async function prepare(
  run: Omit<TrainingRun, "output" | "tokenizer">,
  optimiser: AdamW,
  observer: TrainingObserver,
): Promise<void> {
  const { gpu, model, train, validation, args } = run;
  observer.onMemory?.(await planMemory(run));
  // The largest batches first: their buffers serve all others. Met later, they would find none that are large enough, and
  // take a second set beside those of the smaller ones.
  const largest = (set: LabelledSet, size: number): LabelledBatch =>
    labelledBatch(set, longestTexts(set, size), args, model.config.pad_token_id);
  const batch = largest(train, args.batchSize);
  const scored = largest(validation, args.evalBatchSize);
  const micro = args.gradientAccumulationSteps > 1 ? [batch, batch] : [batch];
  const how = { learningRate: 0, maxGradNorm: args.maxGradNorm, dropoutSeed: [args.seed, 0] };
  const { steps } = optimiser;
  await gpu.rehearse(
    () => Promise.all([trainStep(gpu, model, optimiser, micro, how), logitsOf(gpu, model, scored)]),
    observer.onCompile?.bind(observer),
  );
  optimiser.steps = steps;
}
