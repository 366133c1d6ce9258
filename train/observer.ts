// What a training run tells of itself. It prints nothing: showing is the caller's.

import type { LogEntry } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { MemoryPlan } from "./memory.ts";
import type { StepResult } from "./step.ts";

/** Told what happens, in order. Every function is optional. */
export interface TrainingObserver {
  /** `step` is undefined when no whole checkpoint was found. */
  onResume?(step: number | undefined, refused: readonly Error[]): void;
  /** After each optimiser step. */
  onStep?(done: StepDone): void;
  /** Before the first step. */
  onMemory?(plan: MemoryPlan): void;
  /** Before the first step: kernels compiled so far, 0 at first, of those that were not yet; all of them at the end. */
  onCompile?(done: number, total: number): void;
  /** An f16 step overflowed and changed nothing; the next one has half this loss scale. */
  onSkip?(step: number, lossScale: number): void;
  /** Each entry of the log, as the checkpoint keeps it. */
  onLog?(entry: LogEntry): void;
  /** Texts of the validation set that are scored so far. */
  onEvaluateProgress?(done: number, total: number): void;
  /** After each evaluation; `best` when none before was better. */
  onEpoch?(epoch: number, trainingLoss: number, evaluation: Evaluation, best: boolean): void;
  /** When a checkpoint is whole on disk. */
  onCheckpoint?(path: string): void;
}

/** A step's result, and how far the run is. */
export interface StepDone extends StepResult {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Examples the run has trained on, and the seconds that took without evaluations, before a resumption too. */
  readonly samples: number;
  readonly seconds: number;
}
