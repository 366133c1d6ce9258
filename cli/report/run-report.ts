// A finished run's folder as one object: what the page, the pictures, the text and --json are made of.

import { join } from "node:path";
import {
  type PredictionReport,
  PREDICTIONS_FILE,
  readPredictions,
  reportPredictions,
} from "../../train/index.ts";
import { number, percent } from "../../train/audit/index.ts";
import { readResults, type TrainResults } from "../run-results.ts";

export interface RunReport {
  readonly run: TrainResults;
  /** The set that predictions are of: the test set, or where there was none the validation set. */
  readonly set: "test" | "validation";
  readonly predictions: PredictionReport;
}

/** Reads a run's folder. Throws FileError or DataError for what is missing or damaged. */
export async function loadRunReport(folder: string): Promise<RunReport> {
  const run = await readResults(folder);
  const set = run.test === null ? "validation" : "test";
  const predictions = await readPredictions(join(folder, PREDICTIONS_FILE), run.sizes[set]);
  return {
    run: { ...run, output: folder }, // it may have been moved
    set,
    predictions: reportPredictions(predictions, run.labels),
  };
}

/** What the scores are of, and what they must beat. */
export function lead({ set, predictions }: RunReport): string {
  const { metrics, confusion, labels, count } = predictions;
  const supports = confusion.map((row) => row.reduce((sum, n) => sum + n, 0));
  const largest = supports.indexOf(Math.max(...supports));
  const majority = supports[largest]! / count;
  const seen =
    set === "test"
      ? "no part of training or of the choice of the model"
      : "the set the model was chosen by, so these scores flatter it: there was no test set";
  const verdict = metrics.accuracy > majority ? "" : "; this model is no better";
  return `Scores on the ${set} set: ${number(count)} rows, ${seen}. Always guessing ${labels[largest]} would be right ${percent(majority)} of the time${verdict}.`;
}
