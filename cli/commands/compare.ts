// `albert-gpu compare DIR DIR...`: runs on the same test set, and whether they differ by more than chance.

import {
  type ComparedRun,
  type Difference,
  differenceOf,
  differenceRows,
  metricsOf,
  readRun,
  requireSameSet,
  runRows,
} from "../comparison.ts";
import { UsageError } from "../errors.ts";
import { Printer } from "../printer.ts";

export interface CompareOptions {
  /** Run folders, as train and baseline leave them; two at least. */
  readonly folders: readonly string[];
  /** Of the bootstrap. */
  readonly seed: number;
  readonly json: boolean;
}

export interface CompareResults {
  readonly rows: number;
  readonly runs: readonly object[];
  readonly differences: readonly Difference[];
}

/** Throws UsageError for fewer than two folders, DataError for runs on other examples, and what reading a run throws. */
export async function compareCommand({
  folders,
  seed,
  json,
}: CompareOptions): Promise<CompareResults> {
  if (folders.length < 2) {
    throw new UsageError(`compare: two runs at least are needed; got ${folders.length}.`);
  }
  const runs: ComparedRun[] = [];
  for (const folder of folders) runs.push(await readRun(folder));
  requireSameSet(runs);
  const differences: Difference[] = [];
  for (const [i, run] of runs.entries()) {
    for (const other of runs.slice(i + 1)) differences.push(await differenceOf(run, other, seed));
  }
  const printer = new Printer(json);
  const rows = runs[0]!.labels.length;
  printer.line(`${rows.toLocaleString("en")} examples`);
  printer.line();
  printer.table(runRows(runs));
  printer.line();
  printer.table(differenceRows(differences));
  printer.line();
  printer.line(
    "f1: weighted, the first run's less the second's; interval: 2,000 paired bootstrap resamples; p: McNemar's exact test",
  );
  return {
    rows,
    runs: runs.map((run) => {
      const { accuracy, precision, recall, f1, macro } = metricsOf(run);
      const { name, parameters = null } = run;
      return { name, parameters, accuracy, precision, recall, f1, macroF1: macro.f1 };
    }),
    differences,
  };
}
