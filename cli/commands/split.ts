// `albert-gpu split FILE`: cuts a data file into FILE.train.csv, FILE.validation.csv and FILE.test.csv.

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { DataError, FileError } from "../../engine/errors.ts";
import { DuplicateFinder } from "../../train/audit/index.ts";
import type { CsvFormat } from "../../train/csv.ts";
import { CsvWriter } from "../../train/csv-writer.ts";
import {
  chooseTextColumns,
  joinText,
  readTable,
  requireColumn,
  requireNoFurther,
} from "../../train/dataset.ts";
import { type Split, splitGroups, splitIndices } from "../../train/split.ts";
import { checkFormat, delimiterOf, SETS } from "../data.ts";
import { UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";

// Of the column to stratify by, in a line: one with more was hardly meant.
const MOST_VALUES = 20;

export interface SplitOptions extends CsvFormat {
  /** CSV, TSV or JSONL file. */
  file: string;
  /** Training, validation, test: parts of any scale; no file is written for a 0. */
  ratios: readonly [number, number, number];
  /** Column whose values are spread in the same proportions; null to split without. */
  stratify: string | null;
  /** Whether rows whose texts are copies or near-duplicates of each other fall into the same set. */
  groupDuplicates: boolean;
  /** Columns the text is joined from, for `groupDuplicates`. */
  textColumns?: readonly string[] | undefined;
  seed: number;
  /** Whether files of an earlier split are replaced. */
  force: boolean;
  /** Takes each line of the result. */
  print: (line: string) => void;
}

/**
 * Splits a data file row by row into up to three beside it, with the same columns, in the file's order; the file is read
 * twice and never held whole. Written aside and renamed at the end, so that a failure leaves no half of a file; a set of an
 * earlier split that this one does not have is removed then.
 * Throws what `readTable` and `splitIndices` throw, DataError for a missing column or an empty value in it, and FileError
 * when a result file is already there or cannot be written.
 */
export async function splitCommand(options: SplitOptions): Promise<void> {
  const { file, ratios, seed, force, print } = options;
  if (options.textColumns !== undefined && !options.groupDuplicates) {
    throw new UsageError("split: --text-columns goes with --group-duplicates.");
  }
  checkFormat("split", options, [file]);
  const stem = file.replace(/\.(csv|tsv|jsonl?|ndjson)$/i, "");
  const paths = SETS.map((set) => `${stem}.${set}.csv`);
  // Any of the three: a set of an earlier split beside those of another one shares rows with them.
  const there = force ? undefined : paths.find((path) => existsSync(path));
  if (there !== undefined) {
    throw new FileError(
      there,
      "must not exist yet; got a file of that name. Move it away, or use --force.",
    );
  }

  const { rows, values, finder } = await readValues(options);
  const groups = await finder?.groups();
  const split: Split = groups
    ? splitGroups(rows, groups.near, ratios, seed)
    : splitIndices(rows, ratios, seed);
  const setOf = new Uint8Array(typeof rows === "number" ? rows : rows.length);
  SETS.forEach((set, i) => {
    for (const index of split[set]) setOf[index] = i;
  });

  const parts = SETS.map((set, i) => ({ path: paths[i] ?? set, rows: split[set] }));
  const wanted = parts.map(({ path, rows }) => (rows.length > 0 ? path : null));
  const gone = parts.filter(({ path, rows }) => rows.length === 0 && existsSync(path));
  await writeSets(options, wanted, setOf, paths);
  for (const { path, rows: indices } of parts) {
    if (indices.length === 0) continue;
    const shown = values
      .slice(0, MOST_VALUES)
      .map((value, id) => `${value} ${countOf(indices, rows, id)}`);
    if (values.length > MOST_VALUES) shown.push(`and ${values.length - MOST_VALUES} more values`);
    print(`${path}: ${indices.length} rows${shown.length > 0 ? ` (${shown.join(", ")})` : ""}`);
  }
  for (const { path } of gone) print(`removed ${path}, of an earlier split`);
  if (groups) {
    const copies = groups.near.length - new Set(groups.near).size;
    print(
      `${copies} rows copy another one, exactly or nearly; each stands in the same set as that one`,
    );
  }
}

function formatOf({ file, delimiter, quotes, columns }: SplitOptions): CsvFormat {
  return { delimiter: delimiterOf(file, delimiter), quotes, columns };
}

interface Values {
  /** The stratify column as ids into `values`, or the number of rows. */
  rows: number[] | number;
  /** In order of appearance. */
  values: string[];
  /** All texts, where copies are to be grouped. */
  finder: DuplicateFinder | undefined;
}

async function readValues(options: SplitOptions): Promise<Values> {
  const { file, stratify, groupDuplicates } = options;
  const ids = new Map<string, number>();
  const rows: number[] = [];
  const finder = groupDuplicates ? new DuplicateFinder() : undefined;
  let textColumns: readonly string[] = [];
  for await (const csvRow of readTable(file, formatOf(options))) {
    const { row, columns, record } = csvRow;
    requireNoFurther(csvRow, file);
    if (record === 1) {
      if (stratify !== null) requireColumn(columns, stratify, "stratify", file);
      if (finder) textColumns = chooseTextColumns(columns, options.textColumns, file);
    }
    finder?.add(joinText(row, textColumns));
    if (stratify === null) {
      rows.push(0);
      continue;
    }
    const value = (row[stratify] ?? "").trim();
    if (value === "") {
      throw new DataError(
        `${file}: each record must have a value in ${JSON.stringify(stratify)} to stratify by; got an empty one in record ${record}.`,
      );
    }
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    rows.push(id);
  }
  if (rows.length === 0) throw new DataError(`${file}: must have records; got a header only.`);
  return { rows: stratify === null ? rows.length : rows, values: [...ids.keys()], finder };
}

function countOf(indices: Uint32Array, rows: number[] | number, id: number): number {
  return typeof rows === "number" ? 0 : indices.reduce((n, i) => n + Number(rows[i] === id), 0);
}

async function writeSets(
  options: SplitOptions,
  paths: readonly (string | null)[],
  setOf: Uint8Array,
  replaced: readonly string[],
): Promise<void> {
  const { file } = options;
  const writers: (CsvWriter | null)[] = [];
  const interrupt = onInterrupt(() => writers.forEach((writer) => writer?.discardNow()));
  try {
    await copyRows(options, paths, setOf, writers);
    for (const writer of writers) await writer?.finish();
    // First: sets of an earlier split beside some of this one share rows with them, should the process die in between.
    for (const path of replaced) await rm(path, { force: true });
    for (const writer of writers) await writer?.publish();
  } catch (error) {
    for (const writer of writers) await writer?.discard();
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new FileError(
      file,
      `its parts must be writable beside it; got ${(error as Error).message}.`,
      { cause: error },
    );
  } finally {
    interrupt.dispose();
  }
}

async function copyRows(
  options: SplitOptions,
  paths: readonly (string | null)[],
  setOf: Uint8Array,
  writers: (CsvWriter | null)[],
): Promise<void> {
  const { file } = options;
  let read = 0;
  for await (const { row, columns, record } of readTable(file, formatOf(options))) {
    if (record === 1) {
      for (const path of paths) {
        writers.push(path === null ? null : await CsvWriter.open(path, columns));
      }
    }
    const index = setOf[record - 1];
    const writer = index === undefined ? undefined : writers[index];
    if (!writer) break;
    read = record;
    await writer.write(columns.map((column) => row[column] ?? ""));
  }
  if (read !== setOf.length) {
    throw new FileError(file, "must not change while it is split; got another number of records.");
  }
}
