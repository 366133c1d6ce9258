// Small CSV files cut from the sample, and the options of a run on them that takes a second.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";

const sample = (name: string): string =>
  fileURLToPath(new URL(`../../cli/sample/${name}`, import.meta.url));

/** The sample's vocabulary. */
export const SPIECE = sample("spiece.model");

/** One news item. */
export interface Item {
  title: string;
  text: string;
  label: string;
}

/** Items `from` to `to` of the sample, both classes among them. */
export function items(from: number, to: number): Item[] {
  const csv = readFileSync(sample("news.csv"), "utf8");
  return Papa.parse<Item>(csv, { header: true, skipEmptyLines: true }).data.slice(from, to);
}

/** Writes rows as a CSV file and returns its path. */
export function writeCsv(path: string, rows: readonly object[]): string {
  writeFileSync(path, `${Papa.unparse(rows as object[])}\r\n`);
  return path;
}

/** A temporary folder and the function that deletes it. */
export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "albert-gpu-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Options of a run from scratch whose steps take milliseconds. */
export const QUICK = [
  "--config",
  "tiny",
  "--tokenizer",
  SPIECE,
  "--max-length",
  "32",
  "--batch-size",
  "8",
  "--warmup-steps",
  "2",
];
