// The package's public face: training, with the model and the engine it stands on.

export * from "../engine/index.ts";
export * from "../model/index.ts";
export {
  ArgumentError,
  checkArguments,
  ACTIVATION_CHECKPOINTING,
  DEFAULT_ARGUMENTS,
  type MetricName,
  METRICS,
  PRECISIONS,
  type TrainingArguments,
} from "./arguments.ts";
export type { Calibration, CalibrationBin } from "./calibration.ts";
export { collate, evalBatches, filledRows, planEpoch } from "./batches.ts";
export { checkpointName, listCheckpoints, type LogEntry, type TrainerState } from "./checkpoint.ts";
export { isPartial, writeFilesInto, writeFolder } from "./checkpoint-folder.ts";
export { type CsvFormat, type CsvRow, type CsvSource, readRows } from "./csv.ts";
export {
  chooseTextColumns,
  type ColumnOptions,
  type Example,
  type ExampleSet,
  joinText,
  loadExamples,
  readTable,
} from "./dataset.ts";
export {
  argmaxRows,
  type BatchOptions,
  evaluate,
  type Evaluation,
  type LabelledSet,
  predictLogits,
  scored,
  softmaxRows,
} from "./evaluate.ts";
export {
  explain,
  type ExplainedToken,
  type ExplainedWord,
  type ExplainOptions,
  type Explanation,
} from "./explain/explain.ts";
export {
  type Attribution,
  type AttributionOptions,
  integratedGradients,
} from "./explain/integrated-gradients.ts";
export { type WordPush, type WordPushOptions, WordPushes } from "./explain/word-pushes.ts";
export { textFingerprint } from "./fingerprint.ts";
export { type DryRun, dryRun } from "./dry-run.ts";
export { type Encoder } from "./encoded-block.ts";
export { InFlight } from "./in-flight.ts";
export { LabelSet } from "./label-set.ts";
export { type MemoryPlan } from "./memory.ts";
export {
  classificationMetrics,
  type ClassificationMetrics,
  type ClassScores,
  classificationReport,
  type Confusion,
  confusionMatrix,
  frequentConfusions,
  type Scores,
} from "./metrics.ts";
export { AdamW, type OptimiserState } from "./optimiser.ts";
export type { StepDone, TrainingObserver } from "./observer.ts";
export { prefetch } from "./prefetch.ts";
export {
  type PredictedSet,
  type Prediction,
  PREDICTIONS_FILE,
  predictionsOf,
  readPredictions,
  writePredictions,
} from "./predictions.ts";
export {
  type ClassCurves,
  type LengthGroup,
  type Mistake,
  type Point,
  type PredictionReport,
  type ScoreHistogram,
  reportPredictions,
} from "./prediction-report.ts";
export { LOCK, lockRun } from "./run-lock.ts";
export { LOG_FILE, REPORT_TO, type ReportTo, RUNS } from "./run-log.ts";
export { PredictionQueue, QueueFullError, type QueueOptions } from "./prediction-queue.ts";
export { learningRate, type Schedule, totalSteps } from "./schedule.ts";
export {
  type BootstrapOptions,
  type Discordant,
  discordant,
  f1DifferenceInterval,
  type Interval,
  mcnemar,
} from "./significance.ts";
export { type Split, splitIndices } from "./split.ts";
export { type LabelledBatch, labelledBatch } from "./labelled-batch.ts";
export { logitsOf, type StepResult, trainStep } from "./step.ts";
export { tokenizeAll, TokenizedSet } from "./tokenize.ts";
export { encodeText, type EncodedText, type Verdict, verdictsOf } from "./verdict.ts";
export { Trainer } from "./trainer.ts";
export type { TrainingOutcome, TrainingRun } from "./training-run.ts";
