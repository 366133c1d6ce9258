// A finished run's folder as one object: what the page, the pictures, the text and --json are made of.

import { join } from "node:path";
import {
  type PredictionReport,
  PREDICTIONS_FILE,
  readPredictions,
  reportPredictions,
} from "../../train/index.ts";
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
  const predictions = await readPredictions(join(folder, PREDICTIONS_FILE));
  return {
    run,
    set: run.test === null ? "validation" : "test",
    predictions: reportPredictions(predictions, run.labels),
  };
}
