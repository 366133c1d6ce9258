import type { Gpu } from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import { ArgumentError, type TrainingArguments } from "./arguments.ts";
import { paddedLength } from "./batches.ts";
import type { LabelledSet } from "./evaluate.ts";

/**
 * Throws ArgumentError when a full batch of the longest texts has a tensor larger than the adapter binds: found at the
 * start, and not by the first evaluation after hours of training.
 */
export function checkBatchesFit(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  sets: { readonly train: LabelledSet; readonly validation: LabelledSet },
  args: TrainingArguments,
): void {
  const check = (option: "batchSize" | "evalBatchSize", { tokens }: LabelledSet): void => {
    const longest = tokens.lengths.reduce((most, length) => Math.max(most, length), 1);
    const T = args.padToMaxLength ? args.maxLength : paddedLength(longest, args.maxLength);
    const perExample = model.largestActivationBytes(1, T);
    const most = Math.floor(gpu.largestBinding / perExample);
    if (Math.min(args[option], tokens.count) > most) {
      throw new ArgumentError(
        option,
        `at most ${most} for texts of ${T} tokens, because ${gpu.info.name} binds ${gpu.largestBinding} bytes at most`,
        args[option],
      );
    }
  };
  check("batchSize", sets.train);
  check("evalBatchSize", sets.validation);
}
