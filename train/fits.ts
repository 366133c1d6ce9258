import type { Gpu } from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import { ArgumentError, type TrainingArguments } from "./arguments.ts";
import { filledRows } from "./batches.ts";
import type { LabelledSet } from "./evaluate.ts";

/**
 * Throws ArgumentError when a batch of the longest texts has a tensor larger than the adapter binds: found at the start,
 * and not by the first evaluation after hours of training.
 */
export function checkBatchesFit(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  sets: { readonly train: LabelledSet; readonly validation: LabelledSet },
  args: TrainingArguments,
): void {
  const check = (option: "batchSize" | "evalBatchSize", { tokens }: LabelledSet): void => {
    let [tokensSoFar, most] = [0, 0];
    for (const length of tokens.lengths.toSorted().reverse()) {
      tokensSoFar += args.padToMaxLength ? args.maxLength : length;
      if (model.largestActivationBytes(filledRows(tokensSoFar)) > gpu.largestBinding) break;
      most++;
    }
    if (Math.min(args[option], tokens.count) > most) {
      throw new ArgumentError(
        option,
        `at most ${most} for texts as long as these, because ${gpu.info.name} binds ${gpu.largestBinding} bytes at most`,
        args[option],
      );
    }
  };
  check("batchSize", sets.train);
  check("evalBatchSize", sets.validation);
}
