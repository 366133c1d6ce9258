// What a training run begins with, and what it ends in.

import type { Gpu } from "../engine/index.ts";
import type { AlbertForSequenceClassification, Tokenizer } from "../model/index.ts";
import type { TrainingArguments } from "./arguments.ts";
import type { TrainerState } from "./checkpoint.ts";
import type { LabelledSet } from "./evaluate.ts";

/** What a training run needs. The trainer owns none of it. */
export interface TrainingRun {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
  readonly train: LabelledSet;
  readonly validation: LabelledSet;
  /** What will be scored when training is done; the trainer only looks whether its batches fit the adapter. */
  readonly test?: LabelledSet;
  readonly args: TrainingArguments;
  /** Folder for checkpoints; it exists. */
  readonly output: string;
  /** Ends training after the step under way, or in an evaluation, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** How a run ended. */
export interface TrainingOutcome {
  readonly status: "finished" | "interrupted";
  readonly state: TrainerState;
  readonly stoppedEarly: boolean;
  readonly totalSteps: number;
}
