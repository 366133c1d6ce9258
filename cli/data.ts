// The files a training run reads, as three labelled sets.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../engine/index.ts";
import type { Tokenizer } from "../model/index.ts";
import {
  type Example,
  type LabelledSet,
  type LabelSet,
  loadExamples,
  splitIndices,
  tokenizeAll,
} from "../train/index.ts";
import type { CsvFormat } from "../train/csv.ts";
import { requireSameTextColumns } from "../train/dataset.ts";
import { isJsonl } from "../train/jsonl.ts";
import { listedCounts, shortName } from "../train/listed.ts";
import { UsageError } from "./errors.ts";
import { flagsGiven } from "./option-name.ts";
import { excerpt, type Printer } from "./printer.ts";
import { cacheFolder } from "./setup/decision.ts";
import { TokenCache, tokenKey } from "./token-cache.ts";

/** How a file's records are read. */
export interface RecordOptions extends Readonly<CsvFormat> {
  readonly textColumns?: string[] | undefined;
}

/** The flags given that only CSV and TSV files heed. */
export function csvFlags(options: CsvFormat): string[] {
  return flagsGiven(options, ["delimiter", "columns", "quotes"]);
}

/** How a labelled file's records are read. */
export interface LabelledRecordOptions extends RecordOptions {
  readonly labelColumn?: string | undefined;
  readonly labelNames?: Record<string, string> | undefined;
}

/** Where examples come from. Either `data`, or `train` and `validation` with or without `test`. */
export interface DataOptions extends LabelledRecordOptions {
  readonly data?: string | undefined;
  readonly train?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
}

export interface Sets {
  readonly labels: LabelSet;
  readonly textColumns: readonly string[];
  /** Of sets that have a column of another name. */
  readonly ownColumns: Readonly<Record<string, readonly string[]>>;
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  /** Empty when no test file was given. */
  readonly test: readonly Example[];
}

export const SETS = ["train", "validation", "test"] as const;

/** Throws UsageError for data options that do not go together, before any file is looked for. */
export function checkDataOptions(where: string, options: DataOptions): void {
  const { data, train, validation, test } = options;
  if (data !== undefined && (train ?? validation ?? test) !== undefined) {
    throw new UsageError(`${where}: give either --data, or --train and --validation; got both.`);
  }
  if (data === undefined && (train === undefined || validation === undefined)) {
    throw new UsageError(
      `${where}: data is needed: --data FILE, or --train FILE --validation FILE [--test FILE].`,
    );
  }
  checkFormat(where, options, [data, train, validation, test]);
}

/** Throws UsageError for options of CSV files where all files are JSON lines. */
export function checkFormat(
  where: string,
  options: CsvFormat,
  files: readonly (string | undefined)[],
): void {
  const ofCsv = csvFlags(options);
  if (ofCsv.length === 0 || !files.filter((file) => file !== undefined).every(isJsonl)) return;
  throw new UsageError(
    `${where}: ${ofCsv.join(", ")} must go with CSV or TSV files; got JSON lines.`,
  );
}

/** Throws FileError for a data file that is not there. */
export async function requireDataFiles(options: DataOptions): Promise<void> {
  for (const path of [options.data, options.train, options.validation, options.test]) {
    if (path !== undefined) await requireFile(path);
  }
}

export async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FileError(path, "no such file.");
  if (found.isDirectory()) throw new FileError(path, "must be a file; it is a folder.");
}

/**
 * Tokens per text: what was asked for, or `usual` as far as the model goes. Throws UsageError for more than `limit`, the
 * model's max_position_embeddings.
 */
export function checkLength(
  where: string,
  asked: number | undefined,
  limit: number,
  usual: number,
): number {
  if (asked === undefined) return Math.min(usual, limit);
  if (asked <= limit) return asked;
  throw new UsageError(
    `${where}: --max-length must be at most ${limit}, the model's max_position_embeddings; got ${asked}.`,
  );
}

/** The field separator of a file: the one asked for, a tab for a .tsv file, else a comma. */
export function delimiterOf(path: string, asked: string | undefined): string {
  return asked ?? (/\.tsv$/i.test(path) ? "\t" : ",");
}

/** Loads all sets; `--data` is split 70:15:15, stratified by label, by the seed. */
export async function loadSets(options: DataOptions, seed: number): Promise<Sets> {
  const { textColumns, labelColumn, labelNames, quotes, columns: names } = options;
  const columns = (path: string) => ({
    quotes,
    columns: names,
    textColumns,
    labelColumn,
    labelNames,
    delimiter: delimiterOf(path, options.delimiter),
  });
  if (options.data !== undefined) {
    const all = await loadExamples(options.data, columns(options.data));
    const split = splitIndices(
      all.examples.map((example) => example.label),
      [70, 15, 15],
      seed,
    );
    const pick = (indices: Uint32Array): Example[] => Array.from(indices, (i) => all.examples[i]!);
    return {
      ...all,
      ownColumns: {},
      train: pick(split.train),
      validation: pick(split.validation),
      test: pick(split.test),
    };
  }
  const file = options.train!;
  const train = await loadExamples(file, columns(file));
  const ownColumns: Record<string, readonly string[]> = {};
  const other = async (name: "validation" | "test"): Promise<Example[]> => {
    const path = options[name];
    if (path === undefined) return [];
    const set = await loadExamples(path, { ...columns(path), labels: train.labels });
    requireSameTextColumns({ file, ...train }, { file: path, ...set });
    if (set.textColumns[0] !== train.textColumns[0]) ownColumns[name] = set.textColumns;
    return set.examples;
  };
  const [validation, test] = [await other("validation"), await other("test")];
  return { ...train, ownColumns, train: train.examples, validation, test };
}

// UTF-16 units, some hundredths of a second of work: smaller sets are tokenised again.
const WORTH_KEEPING = 100_000;

/**
 * Tokenises sets, with a progress bar. Large ones are kept, and taken from the cache where their texts, the tokeniser and
 * the length are the same; a cache that cannot be written costs a line on the screen.
 */
export async function tokenizeSets<Name extends string>(
  printer: Printer,
  sets: Readonly<Record<Name, readonly Example[]>>,
  tokenizer: Tokenizer,
  maxLength: number,
): Promise<Record<Name, LabelledSet>> {
  const cache = new TokenCache(join(cacheFolder(process.env), "tokens"));
  const done: Partial<Record<Name, LabelledSet>> = {};
  let keep = true;
  for (const name of Object.keys(sets) as Name[]) {
    const texts = sets[name].map((example) => example.text);
    const labels = Uint32Array.from(sets[name], (example) => example.label);
    const isLarge = texts.reduce((sum, text) => sum + text.length, 0) >= WORTH_KEEPING;
    const key = isLarge ? tokenKey(texts, tokenizer.source, maxLength) : undefined;
    const known = key === undefined ? undefined : await cache.read(key);
    if (known) {
      printer.line(`tokens       ${name} ${known.count.toLocaleString("en")} texts from the cache`);
      done[name] = { tokens: known, labels };
      continue;
    }
    const progress = printer.progress(`tokenise ${name}`, texts.length);
    const tokens = await tokenizeAll(texts, tokenizer, maxLength, (n) => progress.update(n));
    progress.stop();
    done[name] = { tokens, labels };
    if (key === undefined || !keep) continue;
    await cache.write(key, tokens).catch((error: Error) => {
      keep = false; // what failed once fails for the next set too
      printer.line(`tokens       not kept for the next run: ${error.message}`);
    });
  }
  return done as Record<Name, LabelledSet>;
}

/** " (test: content)": the columns of sets that have their own. */
export function ownText(columns: Readonly<Record<string, readonly string[]>>): string {
  const own = Object.entries(columns).map(([name, list]) => `${name}: ${list.join(" + ")}`);
  return own.length === 0 ? "" : ` (${own.join(", ")})`;
}

/** Prints columns, sizes and classes of the sets, the ten largest of more, and two examples. */
export function describeSets(printer: Printer, sets: Sets): void {
  const { labels, textColumns, ownColumns } = sets;
  printer.line(`text         ${textColumns.join(" + ")}${ownText(ownColumns)}`);
  for (const name of SETS) {
    const set = sets[name];
    if (set.length === 0) continue;
    const counts = labels.names.map(() => 0);
    for (const { label } of set) counts[label]!++;
    printer.line(`${name.padEnd(12)} ${set.length} rows (${listedCounts(labels.names, counts)})`);
  }
  for (const { text, label } of sets.train.slice(0, 2)) {
    printer.line(`example      ${shortName(labels.names[label]!)}: ${excerpt(text)}`);
  }
}
