// What is done before the first step: memory is planned, and the kernels are compiled.

import { labelledBatch } from "./labelled-batch.ts";
import { planMemory } from "./memory.ts";
import type { TrainingObserver } from "./observer.ts";
import type { AdamW } from "./optimiser.ts";
import { logitsOf, trainStep } from "./step.ts";
import type { TrainingRun } from "./trainer.ts";

/** Plans the memory of a run, then compiles the kernels of its steps and evaluations, several at a time. */
export async function prepare(
  run: Omit<TrainingRun, "output" | "tokenizer">,
  optimiser: AdamW,
  observer: TrainingObserver,
): Promise<void> {
  const { gpu, model, train, args } = run;
  observer.onMemory?.(await planMemory(run));
  const count = Math.min(args.batchSize, train.tokens.count);
  const indices = Array.from({ length: count }, (_, i) => i);
  const batch = labelledBatch(train, indices, args, model.config.pad_token_id);
  const micro = args.gradientAccumulationSteps > 1 ? [batch, batch] : [batch];
  const how = { learningRate: 0, maxGradNorm: args.maxGradNorm, dropoutSeed: [args.seed, 0] };
  const { steps } = optimiser;
  await gpu.rehearse(
    () => Promise.all([trainStep(gpu, model, optimiser, micro, how), logitsOf(gpu, model, batch)]),
    observer.onCompile?.bind(observer),
  );
  optimiser.steps = steps;
}
