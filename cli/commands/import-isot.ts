// `albert-gpu import-isot True.csv Fake.csv --output DIR`: the three files of the reference's notebook from ISOT's two.

import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DataError, FileError } from "../../engine/errors.ts";
import { DuplicateFinder, foldedDigest } from "../../train/audit/index.ts";
import { CsvWriter } from "../../train/csv-writer.ts";
import { readTable, requireColumn } from "../../train/dataset.ts";
import { splitGroups, splitIndices } from "../../train/split.ts";
import { SETS } from "../data.ts";
import { UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";

/** The reference's columns, and the names of its three sets. */
const COLUMNS = ["title", "enhanced_cleaned_text", "label"] as const;
const RATIOS = [70, 15, 15] as const;
const FAKE = 0;
const REAL = 1;

export interface ImportIsotOptions {
  /** ISOT's True.csv and Fake.csv, with the columns title and text. */
  readonly real: string;
  readonly fake: string;
  /** Folder for train.csv, validation.csv and test.csv; made if needed. */
  readonly output: string;
  readonly dropDuplicates: boolean;
  readonly dropBlanks: boolean;
  /** Whether near-duplicates stay in one set. */
  readonly groupDuplicates: boolean;
  readonly seed: number;
  readonly force: boolean;
  readonly json: boolean;
  /** Takes each line of the result. */
  readonly print: (line: string) => void;
}

/** What one of the two files held. */
export interface ImportedFile {
  readonly file: string;
  readonly rows: number;
  /** Rows whose text is blank. */
  readonly blanks: number;
  /** Rows with a text whose words an earlier row of either file has too. */
  readonly duplicates: number;
  readonly kept: number;
}

export interface ImportResults {
  readonly fake: ImportedFile;
  readonly real: ImportedFile;
  readonly sizes: Readonly<Record<(typeof SETS)[number], number>>;
  readonly output: string;
}

interface Row {
  title: string;
  text: string;
  label: number;
}

/**
 * Reads both files, says what is blank or copied, and writes the rows 70:15:15, stratified by label, in the files' order.
 * Holds all texts in memory (ISOT: some 250 MB). Throws what reading throws, DataError for a missing column, and FileError
 * when a result is there already or cannot be written.
 */
export async function importIsotCommand(options: ImportIsotOptions): Promise<ImportResults> {
  const { output, seed, force, json, print } = options;
  const paths = SETS.map((set) => join(output, `${set}.csv`));
  const there = force ? undefined : paths.find((path) => existsSync(path));
  if (there !== undefined) {
    throw new FileError(there, "must not exist yet; got a file of that name. Use --force.");
  }
  if (resolve(options.fake) === resolve(options.real)) {
    throw new UsageError(`import-isot: the two files must differ; got ${options.real} twice.`);
  }
  const rows: Row[] = [];
  const seen = new Set<number>();
  const fake = await readArticles(options.fake, FAKE, options, rows, seen);
  const real = await readArticles(options.real, REAL, options, rows, seen);
  for (const { file, rows: all, kept } of [fake, real]) {
    if (kept > 0) continue;
    throw new DataError(
      `${file}: rows must be left of both files; got none of its ${all}. Are they copies of the other's?`,
    );
  }
  const labels = rows.map(({ label }) => label);
  const split = options.groupDuplicates
    ? splitGroups(labels, await nearGroups(rows), RATIOS, seed)
    : splitIndices(labels, RATIOS, seed);
  await writeSets(
    paths,
    SETS.map((set) => Array.from(split[set], (i) => rows[i]!)),
    output,
  );
  const sizes = {
    train: split.train.length,
    validation: split.validation.length,
    test: split.test.length,
  };
  if (!json) {
    for (const [name, found] of [
      ["fake", fake],
      ["real", real],
    ] as const) {
      const { file, rows: all, blanks, duplicates, kept } = found;
      print(`${name}  ${file}: ${all} rows, ${kept} kept`);
      print(
        `      blank texts ${blanks}, ${options.dropBlanks ? "dropped" : "kept (--drop-blanks drops them)"}`,
      );
      print(
        `      copies of an earlier text ${duplicates}, ${options.dropDuplicates ? "dropped" : "kept (--drop-duplicates drops them)"}`,
      );
    }
    SETS.forEach((set, i) => {
      print(
        `${paths[i]}: ${sizes[set]} rows (0 fake ${countFake(split[set], labels)}, 1 real ${sizes[set] - countFake(split[set], labels)})`,
      );
    });
  }
  return { fake, real, sizes, output };
}

function countFake(indices: Uint32Array, labels: readonly number[]): number {
  return indices.reduce((n, i) => n + Number(labels[i] === FAKE), 0);
}

async function readArticles(
  file: string,
  label: number,
  { dropBlanks, dropDuplicates }: ImportIsotOptions,
  kept: Row[],
  seen: Set<number>,
): Promise<ImportedFile> {
  const before = kept.length;
  let rows = 0;
  let blanks = 0;
  let duplicates = 0;
  for await (const { row, columns, record } of readTable(file)) {
    if (record === 1)
      for (const column of ["title", "text"]) requireColumn(columns, column, "text", file);
    rows = record;
    const { title = "", text = "" } = row;
    const isBlank = text.trim() === "";
    blanks += Number(isBlank);
    const digest = isBlank ? undefined : foldedDigest(text);
    const isCopy = digest !== undefined && seen.has(digest);
    if (digest !== undefined) seen.add(digest);
    duplicates += Number(isCopy);
    if ((isBlank && dropBlanks) || (isCopy && dropDuplicates)) continue;
    // A cell is a view into its block of the file and would keep all of it.
    kept.push({ title: Buffer.from(title).toString(), text: Buffer.from(text).toString(), label });
  }
  return { file, rows, blanks, duplicates, kept: kept.length - before };
}

/** Groups by title and text together, as they are trained on and audited. */
async function nearGroups(rows: readonly Row[]): Promise<Uint32Array> {
  const finder = new DuplicateFinder();
  for (const { title, text } of rows) finder.add(`${title} ${text}`);
  return (await finder.groups()).near;
}

async function writeSets(
  paths: readonly string[],
  sets: readonly (readonly Row[])[],
  output: string,
): Promise<void> {
  const writers: CsvWriter[] = [];
  const interrupt = onInterrupt(() => writers.forEach((writer) => writer.discardNow()));
  try {
    await mkdir(output, { recursive: true });
    for (const [i, path] of paths.entries()) {
      const writer = await CsvWriter.open(path, COLUMNS);
      writers.push(writer);
      for (const { title, text, label } of sets[i] ?? []) {
        await writer.write([title, text, String(label)]);
      }
      await writer.finish();
    }
    for (const path of paths) await rm(path, { force: true }); // as `split` does
    for (const writer of writers) await writer.publish();
  } catch (error) {
    for (const writer of writers) await writer.discard();
    const problem = `must be a folder to write into; got ${(error as Error).message}.`;
    throw new FileError(output, problem, { cause: error });
  } finally {
    interrupt.dispose();
  }
}
