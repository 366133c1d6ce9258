import type { Gpu } from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import { ArgumentError, type TrainingArguments } from "./arguments.ts";
import { filledRows } from "./batches.ts";
import type { LabelledSet } from "./evaluate.ts";
import type { TrainingRun } from "./training-run.ts";

/**
 * Throws ArgumentError when the precision is not the GPU's, or a batch of the longest texts has a tensor larger than the
 * adapter binds: found at the start, and not by an evaluation after hours of training.
 */
export function checkBatchesFit(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  sets: Pick<TrainingRun, "train" | "validation" | "test">,
  args: TrainingArguments,
): void {
  if (args.precision !== gpu.precision) {
    throw new ArgumentError("precision", `the GPU's, ${gpu.precision}`, args.precision);
  }
  /** Of the set's longest texts; Infinity when all of it fits. */
  const mostThatFit = ({ tokens }: LabelledSet): number => {
    let [tokensSoFar, most] = [0, 0];
    for (const length of tokens.lengths.toSorted().reverse()) {
      tokensSoFar += args.padToMaxLength ? args.maxLength : length;
      if (model.largestActivationBytes(filledRows(tokensSoFar)) > gpu.largestBinding) return most;
      most++;
    }
    return Infinity;
  };
  const check = (option: "batchSize" | "evalBatchSize", ...of: readonly LabelledSet[]): void => {
    const most = Math.min(...of.map(mostThatFit));
    if (args[option] > most) {
      throw new ArgumentError(
        option,
        `at most ${most} for texts as long as these, because ${gpu.info.name} binds ${gpu.largestBinding} bytes at most`,
        args[option],
      );
    }
  };
  check("batchSize", sets.train);
  check("evalBatchSize", sets.validation, ...(sets.test ? [sets.test] : []));
}
