// What a finished run remembers of its data, so that another model can be made from the very same sets.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileError } from "../engine/index.ts";
import { textFingerprint } from "../train/index.ts";
import { type DataOptions, loadSets, requireDataFiles, type Sets, SETS } from "./data.ts";
import { RESULTS_FILE } from "./run-results.ts";

/** The part of results.json that says which sets a run was made from. */
export interface RunData {
  /** Paths are absolute. */
  readonly options: DataOptions;
  /** Of the split of `data`. */
  readonly seed: number;
  /** A hash of each set's texts and classes. */
  readonly fingerprints: Readonly<Record<(typeof SETS)[number], string>>;
}

export function runData(options: DataOptions, seed: number, sets: Sets): RunData {
  const { data, train, validation, test } = options;
  const { textColumns, labelColumn, labelNames, delimiter, quotes, columns } = options;
  const path = (given: string | undefined) => given && resolve(given);
  return {
    options: {
      data: path(data),
      train: path(train),
      validation: path(validation),
      test: path(test),
      textColumns,
      labelColumn,
      labelNames,
      delimiter,
      quotes,
      columns,
    },
    seed,
    fingerprints: {
      train: textFingerprint(sets.train),
      validation: textFingerprint(sets.validation),
      test: textFingerprint(sets.test),
    },
  };
}

/** What is used of any run's results.json here; a folder may lack it. */
export interface RunFacts {
  readonly parameters?: number;
  readonly data?: RunData;
  readonly textColumns?: readonly string[];
  /** Null where the run had no test set, and was scored on its validation set. */
  readonly test?: object | null;
  /** Rows of its sets. */
  readonly sizes?: { readonly validation: number; readonly test: number };
}

/** Reads a run's facts. Throws FileError for a results.json that is none. */
export async function readRunFacts(folder: string): Promise<RunFacts> {
  const path = join(folder, RESULTS_FILE);
  const text = await readFile(path, "utf8").catch(() => "{}");
  try {
    return (JSON.parse(text) as RunFacts | null) ?? {};
  } catch (cause) {
    throw new FileError(path, "must hold the results of a run as JSON.", { cause });
  }
}

/** Loads the sets a finished run was made from. Throws FileError where it does not say, or where a file has changed since. */
export async function loadSetsOf(folder: string): Promise<{ data: RunData; sets: Sets }> {
  const { data } = await readRunFacts(folder);
  if (!data) {
    throw new FileError(
      folder,
      "must be a finished run whose results.json says what it was made from; it does not. Give the data by --data, or --train and --validation.",
    );
  }
  await requireDataFiles(data.options);
  const sets = await loadSets(data.options, data.seed);
  const { fingerprints } = runData(data.options, data.seed, sets);
  const changed = SETS.find((name) => fingerprints[name] !== data.fingerprints[name]);
  if (changed !== undefined) {
    const files = [
      data.options.data,
      data.options.train,
      data.options.validation,
      data.options.test,
    ];
    throw new FileError(
      folder,
      `its ${changed} set must be what it was; ${files.filter(Boolean).join(", ")} changed since the run.`,
    );
  }
  return { data, sets };
}
