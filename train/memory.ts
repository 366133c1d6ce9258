// How much device memory a run will take, and whether to save some of it by running layers twice.

import { freemem, totalmem } from "node:os";
import type { Gpu } from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import type { TrainingArguments } from "./arguments.ts";
import { filledRows } from "./batches.ts";
import type { LabelledSet } from "./evaluate.ts";
import { longestTexts } from "./labelled-batch.ts";

/** Device memory of a run, and whether layers are computed twice to save some. */
export interface MemoryPlan {
  /** About what a step of the largest batch takes: parameters, gradients, moments, activations. */
  readonly bytes: number;
  /** The same without activation checkpointing. */
  readonly bytesWithout: number;
  readonly checkpointing: boolean;
}

/** Rows of the largest batch a set can make: its longest texts together, or all padded. */
function largestBatch(
  set: LabelledSet,
  { batchSize, padToMaxLength, maxLength }: TrainingArguments,
): number {
  const lengths = longestTexts(set, batchSize).map((i) =>
    padToMaxLength ? maxLength : set.tokens.lengths[i]!,
  );
  return filledRows(lengths.reduce((sum, length) => sum + length, 0));
}

/** Makers of GPUs with memory of their own. */
const OWN_MEMORY: readonly string[] = ["nvidia", "amd"];

/**
 * Whether the device has this much left. A GPU is asked by taking it; of the machine's own memory, which a software adapter
 * and most other GPUs use, more can be taken than is good: it swaps.
 */
async function hasRoom(gpu: Gpu, bytes: number): Promise<boolean> {
  const { software, vendor } = gpu.info;
  if (software) return bytes < 0.8 * freemem();
  if (!OWN_MEMORY.includes(vendor) && bytes > 0.7 * totalmem()) return false;
  return gpu.canAllocate(bytes);
}

/** Estimates the memory of training steps and turns the model's activation checkpointing on or off, as the arguments say. */
export async function planMemory(run: {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  readonly train: LabelledSet;
  readonly args: TrainingArguments;
}): Promise<MemoryPlan> {
  const { gpu, model, args } = run;
  const rows = largestBatch(run.train, args);
  // Parameters, gradients, two moments; a software adapter multiplies by two copies of most weights.
  const perParameter = gpu.info.software ? 24 : 16;
  const needed = (checkpointing: boolean): number => {
    model.activationCheckpointing = checkpointing;
    return perParameter * model.parameters.size + model.trainingBytes(rows);
  };
  const [bytesWithout, bytesWith] = [needed(false), needed(true)];
  const wanted = args.activationCheckpointing;
  const checkpointing = wanted === "auto" ? !(await hasRoom(gpu, bytesWithout)) : wanted === "on";
  model.activationCheckpointing = checkpointing;
  return { bytes: checkpointing ? bytesWith : bytesWithout, bytesWithout, checkpointing };
}
