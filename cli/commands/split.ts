// `albert-gpu split FILE`: cuts a CSV file into FILE.train.csv, FILE.validation.csv and FILE.test.csv.

import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import Papa from "papaparse";
import { DataError, FileError } from "../../engine/errors.ts";
import { readRows } from "../../train/csv.ts";
import { requireColumn } from "../../train/dataset.ts";
import { splitIndices } from "../../train/split.ts";

const SETS = ["train", "validation", "test"] as const;
const FLUSH_CHARS = 1 << 16;

export interface SplitOptions {
  /** CSV file with a header row. */
  file: string;
  /** Training, validation, test: parts of any scale; no file is written for a 0. */
  ratios: readonly [number, number, number];
  /** Column whose values are spread in the same proportions; null to split without. */
  stratify: string | null;
  seed: number;
  /** Whether files of an earlier split are replaced. */
  force: boolean;
  /** Takes each line of the result. */
  print: (line: string) => void;
}

/**
 * Splits a CSV file row by row into up to three beside it, with the same columns, in the file's order; the file is read
 * twice and never held whole. Written aside and renamed at the end, so that a failure leaves no half of a file.
 * Throws what `readRows` and `splitIndices` throw, DataError for a missing column or an empty value in it, and FileError
 * when a result file is already there or cannot be written.
 */
export async function splitCommand(options: SplitOptions): Promise<void> {
  const { file, ratios, seed, force, print } = options;
  const paths = SETS.map((set) => `${file.replace(/\.csv$/i, "")}.${set}.csv`);
  const there = force ? undefined : paths.find((path, i) => ratios[i] !== 0 && existsSync(path));
  if (there !== undefined) {
    throw new FileError(
      there,
      "must not exist yet; got a file of that name. Move it away, or use --force.",
    );
  }

  const { rows, values } = await readValues(file, options.stratify);
  const split = splitIndices(rows, ratios, seed);
  const setOf = new Uint8Array(typeof rows === "number" ? rows : rows.length);
  SETS.forEach((set, i) => {
    for (const index of split[set]) setOf[index] = i;
  });

  const parts = SETS.map((set, i) => ({ path: paths[i] ?? set, rows: split[set] }));
  const wanted = parts.map(({ path, rows }) => (rows.length > 0 ? path : null));
  await writeSets(file, wanted, setOf);
  for (const { path, rows: indices } of parts) {
    if (indices.length === 0) continue;
    const counts = values.map((value, id) => `${value} ${countOf(indices, rows, id)}`).join(", ");
    print(`${path}: ${indices.length} rows${counts && ` (${counts})`}`);
  }
}

/** The stratify column as ids into its values in order of appearance, or the number of rows. */
async function readValues(
  file: string,
  column: string | null,
): Promise<{ rows: number[] | number; values: string[] }> {
  const ids = new Map<string, number>();
  const rows: number[] = [];
  for await (const { row, columns, record } of readRows(file)) {
    if (column === null) {
      rows.push(0);
      continue;
    }
    if (record === 1) requireColumn(columns, column, "stratify", file);
    const value = (row[column] ?? "").trim();
    if (value === "") {
      throw new DataError(
        `${file}: each record must have a value in ${JSON.stringify(column)} to stratify by; got an empty one in record ${record}.`,
      );
    }
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    rows.push(id);
  }
  if (rows.length === 0) throw new DataError(`${file}: must have records; got a header only.`);
  return column === null ? { rows: rows.length, values: [] } : { rows, values: [...ids.keys()] };
}

function countOf(indices: Uint32Array, rows: number[] | number, id: number): number {
  return typeof rows === "number" ? 0 : indices.reduce((n, i) => n + Number(rows[i] === id), 0);
}

interface SetFile {
  path: string;
  partial: string;
  handle: FileHandle;
  pending: string;
}

async function writeSets(file: string, paths: (string | null)[], setOf: Uint8Array): Promise<void> {
  const sets: (SetFile | null)[] = [];
  try {
    for (const path of paths) {
      if (path === null) {
        sets.push(null);
        continue;
      }
      const partial = `${path}.partial`;
      sets.push({ path, partial, handle: await open(partial, "w"), pending: "" });
    }
    await copyRows(file, sets, setOf);
    for (const set of sets) {
      await set?.handle.appendFile(set.pending);
      await set?.handle.sync();
      await set?.handle.close();
    }
    for (const set of sets) if (set !== null) await rename(set.partial, set.path);
  } catch (error) {
    for (const set of sets) {
      await set?.handle.close().catch(() => undefined); // closed already
      if (set !== null) await rm(set.partial, { force: true });
    }
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw new FileError(
      file,
      `its parts must be writable beside it; got ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
}

async function copyRows(
  file: string,
  sets: readonly (SetFile | null)[],
  setOf: Uint8Array,
): Promise<void> {
  let read = 0;
  for await (const { row, columns, record } of readRows(file)) {
    if (record === 1) for (const set of sets) if (set !== null) set.pending = toCsv(columns);
    const index = setOf[record - 1];
    const set = index === undefined ? undefined : sets[index];
    if (set === undefined || set === null) break;
    read = record;
    set.pending += toCsv(columns.map((column) => row[column] ?? ""));
    if (set.pending.length > FLUSH_CHARS) {
      await set.handle.appendFile(set.pending);
      set.pending = "";
    }
  }
  if (read !== setOf.length) {
    throw new FileError(file, "must not change while it is split; got another number of records.");
  }
}

/** One record with its CRLF, quoted as RFC 4180 asks. */
function toCsv(cells: readonly string[]): string {
  // A single empty cell would be a blank line, which readers skip.
  return `${Papa.unparse([cells as string[]]) || '""'}\r\n`;
}
