// Runs scored on the same examples, side by side.

import { join } from "node:path";
import { DataError } from "../engine/index.ts";
import {
  classificationMetrics,
  type ClassificationMetrics,
  discordant,
  f1DifferenceInterval,
  mcnemar,
  type Prediction,
  PREDICTIONS_FILE,
  readPredictions,
} from "../train/index.ts";
import { listed, shortName } from "../train/listed.ts";
import { readRunFacts } from "./run-data.ts";

export interface ComparedRun {
  readonly name: string;
  /** Of the classes, in id order. */
  readonly classes: readonly string[];
  /** [N], class ids. */
  readonly labels: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly parameters?: number | undefined;
  /** Hash of the texts it was scored on. */
  readonly fingerprint?: string | undefined;
}

const CONFIDENCE = 0.95;
const RESAMPLES = 2000;

/** Throws DataError, naming the run, for no predictions or ones of other classes than the first's. */
export function comparedRun(
  name: string,
  predictions: readonly Prediction[],
  facts: Pick<ComparedRun, "parameters" | "fingerprint">,
): ComparedRun {
  const classes = Object.keys(predictions[0]?.probabilities ?? {});
  const id = (of: "label" | "predicted") => (prediction: Prediction, row: number) => {
    const found = classes.indexOf(prediction[of]);
    if (found >= 0) return found;
    throw new DataError(
      `${name}: classes must be those of the first row, ${listed(classes)}; got ${shortName(prediction[of])} in row ${row}.`,
    );
  };
  if (predictions.length === 0) throw new DataError(`${name}: must have predictions; got none.`);
  const labels = predictions.map(id("label"));
  return { name, classes, labels, predictions: predictions.map(id("predicted")), ...facts };
}

/** Reads a run's folder: its predictions, and results.json where there is one. Throws FileError or DataError. */
export async function readRun(folder: string): Promise<ComparedRun> {
  const { parameters, data, test, sizes } = await readRunFacts(folder);
  const set = test === null ? "validation" : "test";
  const predictions = await readPredictions(join(folder, PREDICTIONS_FILE), sizes?.[set]);
  const fingerprint = data?.fingerprints[set];
  return comparedRun(folder, predictions, { parameters, fingerprint });
}

/** Throws DataError for runs that were not scored on the same examples with the same classes. */
export function requireSameSet(runs: readonly ComparedRun[]): void {
  const [first, ...others] = runs;
  for (const run of others) {
    const refuse = (what: string, of: (run: ComparedRun) => string): never => {
      throw new DataError(
        `compare: all runs must be scored on the same ${what}; got ${of(first!)} in ${first!.name} and ${of(run)} in ${run.name}.`,
      );
    };
    if (run.classes.join("\n") !== first!.classes.join("\n")) {
      refuse("classes", ({ classes }) => listed(classes));
    }
    if (run.labels.length !== first!.labels.length) {
      refuse("examples", ({ labels }) => `${labels.length} rows`);
    }
    const row = Array.from(run.labels).findIndex((label, i) => label !== first!.labels[i]);
    if (row >= 0) {
      refuse("examples", ({ classes, labels }) => `${classes[labels[row]!]} for row ${row}`);
    }
    const known = run.fingerprint !== undefined && first!.fingerprint !== undefined;
    if (known && run.fingerprint !== first!.fingerprint) {
      refuse("examples", ({ fingerprint }) => `texts with the hash ${fingerprint!.slice(0, 8)}`);
    }
  }
}

export function metricsOf({ labels, predictions, classes }: ComparedRun): ClassificationMetrics {
  return classificationMetrics(labels, predictions, classes.length);
}

/** The first run less the second. */
export interface Difference {
  readonly first: string;
  readonly second: string;
  readonly onlyFirstRight: number;
  readonly onlySecondRight: number;
  /** Of McNemar's exact test, two-sided. */
  readonly mcnemarP: number;
  /** Weighted F1. */
  readonly f1: number;
  /** 95 % bootstrap interval of it. */
  readonly low: number;
  readonly high: number;
}

export async function differenceOf(
  first: ComparedRun,
  second: ComparedRun,
  seed: number,
): Promise<Difference> {
  const { labels, predictions, classes } = first;
  const pairs = discordant(labels, predictions, second.predictions);
  const options = { K: classes.length, seed, resamples: RESAMPLES, confidence: CONFIDENCE };
  return {
    first: first.name,
    second: second.name,
    onlyFirstRight: pairs.onlyFirst,
    onlySecondRight: pairs.onlySecond,
    mcnemarP: mcnemar(pairs),
    f1: metricsOf(first).f1 - metricsOf(second).f1,
    ...(await f1DifferenceInterval(labels, predictions, second.predictions, options)),
  };
}

const signed = (value: number): string => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;

const pOf = (p: number): string => (p < 1e-4 ? "<0.0001" : p.toFixed(4));

/** Scores of runs under their heads. */
export function runRows(runs: readonly ComparedRun[]): string[][] {
  const rows = runs.map((run) => {
    const { accuracy, precision, recall, f1, macro } = metricsOf(run);
    const numbers = [accuracy, precision, recall, f1, macro.f1].map((value) => value.toFixed(4));
    return [run.name, run.parameters?.toLocaleString("en") ?? "", ...numbers];
  });
  return [["run", "parameters", "accuracy", "precision", "recall", "f1", "macro f1"], ...rows];
}

/** Differences under their heads. */
export function differenceRows(differences: readonly Difference[]): string[][] {
  return [
    ["run", "less", "f1", "95 % interval", "only the first right", "only the second", "McNemar p"],
    ...differences.map(({ first, second, f1, low, high, mcnemarP, ...only }) => [
      first,
      second,
      signed(f1),
      `${signed(low)} ${signed(high)}`,
      String(only.onlyFirstRight),
      String(only.onlySecondRight),
      pOf(mcnemarP),
    ]),
  ];
}

/** What a model's difference from the baseline says of it, in a sentence. */
export function baselineVerdict({ f1, low, high, mcnemarP }: Difference): string {
  const facts = `F1 difference ${signed(f1)}, 95 % interval [${signed(low)}, ${signed(high)}], McNemar p ${pOf(mcnemarP)}`;
  if (low > 0) return `better than the baseline: ${facts}`;
  if (high < 0) return `worse than the baseline: ${facts}`;
  return `not better than the baseline: ${facts}`;
}
