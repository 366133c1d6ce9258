import type { TokenBatch } from "../model/index.ts";
import type { TrainingArguments } from "./arguments.ts";
import { collate } from "./batches.ts";
import type { LabelledSet } from "./evaluate.ts";

/** A batch with its classes. */
export interface LabelledBatch extends TokenBatch {
  /** [B]. */
  readonly labels: Uint32Array;
}

/** Indices of the `count` longest texts of a set, longest first: together the largest batch it can make. */
export function longestTexts({ tokens: { lengths } }: LabelledSet, count: number): number[] {
  const byLength = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]!);
  return byLength.slice(0, count);
}

/** The examples of a set at `indices` as one batch, packed, or padded where the arguments say so. Throws DataError. */
export function labelledBatch(
  { tokens, labels }: LabelledSet,
  indices: readonly number[],
  { maxLength, padToMaxLength }: Pick<TrainingArguments, "maxLength" | "padToMaxLength">,
  padId: number,
): LabelledBatch {
  const rows = indices.map((i) => tokens.ids(i));
  const batch = collate(rows, { maxLength, padId, padTo: padToMaxLength ? maxLength : undefined });
  return { ...batch, labels: Uint32Array.from(indices, (i) => labels[i]!) };
}
