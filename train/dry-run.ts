// What a run would cost: a few of its steps, done on the device and thrown away.

import { planEpoch } from "./batches.ts";
import { checkBatchesFit } from "./fits.ts";
import { type LabelledBatch, labelledBatch, longestTexts } from "./labelled-batch.ts";
import { type MemoryPlan, planMemory } from "./memory.ts";
import { AdamW } from "./optimiser.ts";
import { totalSteps } from "./schedule.ts";
import { trainStep } from "./step.ts";
import type { TrainingRun } from "./training-run.ts";

/** What a run would cost. */
export interface DryRun extends MemoryPlan {
  /** Most device memory held at once: parameters, gradients, moments, and the pools after the largest batch. */
  readonly peakBytes: number;
  /** Median of five steps over batches as they come, and that of the largest batch; without compiling. */
  readonly secondsPerStep: number;
  readonly secondsOfLargest: number;
  readonly totalSteps: number;
}

/**
 * Trains on the largest batch and on some of the first epoch's, and measures. The model's weights are changed by it; nothing
 * is written. Throws ArgumentError for arguments or batches that training would refuse.
 */
export async function dryRun(run: Omit<TrainingRun, "output" | "tokenizer">): Promise<DryRun> {
  const { gpu, model, train, args } = run;
  checkBatchesFit(gpu, model, run, args);
  const plan = await planMemory(run);
  const { batchSize, gradientAccumulationSteps: accumulation } = args;
  const batch = (indices: readonly number[]): LabelledBatch =>
    labelledBatch(train, indices, args, model.config.pad_token_id);
  const optimiser = new AdamW(gpu, model.parameters, args);
  const seconds = async (micro: readonly LabelledBatch[]): Promise<number> => {
    const started = performance.now();
    const how = { learningRate: 0, maxGradNorm: args.maxGradNorm, dropoutSeed: [args.seed, 0] };
    await gpu.settle(trainStep(gpu, model, optimiser, micro, how));
    return (performance.now() - started) / 1000;
  };
  try {
    const longest = batch(longestTexts(train, batchSize));
    const largest = Array.from({ length: accumulation }, () => longest);
    await seconds(largest); // compiles
    const secondsOfLargest = await seconds(largest);
    const peakBytes = 16 * model.parameters.size + gpu.poolBytes;
    const batches = planEpoch({ count: train.tokens.count, batchSize, seed: args.seed, epoch: 0 });
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const from = (i * accumulation) % batches.length;
      times.push(await seconds(batches.slice(from, from + accumulation).map(batch)));
    }
    const { epochs, maxSteps } = args;
    return {
      ...plan,
      peakBytes,
      secondsOfLargest,
      secondsPerStep: times.sort((a, b) => a - b)[2]!,
      totalSteps: totalSteps({ batches: batches.length, accumulation, epochs, maxSteps }),
    };
  } finally {
    optimiser.destroy();
  }
}
