// `albert-gpu clean FILE --output FILE`: a copy of a data file without what gives its classes away.

import { existsSync } from "node:fs";
import { FileError } from "../../engine/errors.ts";
import { foldedDigest } from "../../train/audit/index.ts";
import { CELL_RULES } from "../../train/clean.ts";
import type { CsvFormat, CsvRow } from "../../train/csv.ts";
import { CsvWriter } from "../../train/csv-writer.ts";
import { chooseTextColumns, joinText, readTable, requireNoFurther } from "../../train/dataset.ts";
import { checkFormat, delimiterOf } from "../data.ts";
import { UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";
import { optionName } from "../option-name.ts";

/** The rules by the names of their options, in the order in which they are applied. */
const RULES = [...CELL_RULES.map(({ name }) => name), "dropEmpty", "dropDuplicates"] as const;

export type CleanRule = (typeof RULES)[number];

export interface CleanOptions extends CsvFormat, Partial<Record<CleanRule, boolean>> {
  /** CSV, TSV or JSONL file. */
  readonly file: string;
  /** CSV file to write; comma and quotes as RFC 4180 asks, whatever was read. */
  readonly output: string;
  readonly textColumns?: readonly string[] | undefined;
  /** Whether `output` may replace a file. */
  readonly force: boolean;
  readonly json: boolean;
  /** Takes each line of the result. */
  readonly print: (line: string) => void;
}

export interface CleanResults {
  readonly rows: number;
  readonly written: number;
  /** Rows each rule changed or left out. */
  readonly touched: Partial<Record<CleanRule, number>>;
  readonly output: string;
}

/**
 * Applies the rules that were asked for, row by row, and says how many rows each touched. Written aside and renamed.
 * Throws UsageError without a rule, for an output named as another format and for options of another format, what `readTable`
 * throws, and FileError when the output is there or cannot be written.
 */
export async function cleanCommand(options: CleanOptions): Promise<CleanResults> {
  const { file, output, force, json, print } = options;
  const wanted = RULES.filter((rule) => options[rule] === true);
  if (wanted.length === 0) {
    const names = RULES.map(optionName).join(", ");
    throw new UsageError(`clean: at least one rule is needed: ${names}.`);
  }
  checkFormat("clean", options, [file]);
  const [, other] = /(\.tsv|\.jsonl?|\.ndjson)$/i.exec(output) ?? [];
  if (other !== undefined) {
    throw new UsageError(
      `clean: --output must not end in ${other.toLowerCase()}, because what is written is CSV; got ${output}.`,
    );
  }
  if (!force && existsSync(output)) {
    throw new FileError(output, "must not exist yet; got a file of that name. Use --force.");
  }
  const cleaner = new Cleaner(wanted, options.textColumns, file);
  const format = { ...options, delimiter: delimiterOf(file, options.delimiter) };
  let writer: CsvWriter | undefined;
  const interrupt = onInterrupt(() => writer?.discardNow());
  try {
    for await (const row of readTable(file, format)) {
      requireNoFurther(row, file);
      writer ??= await CsvWriter.open(output, row.columns);
      const cells = cleaner.clean(row);
      if (cells) await writer.write(cells);
    }
    await writer?.finish();
    await writer?.publish();
  } catch (error) {
    await writer?.discard();
    if (error instanceof FileError || (error as NodeJS.ErrnoException).code === undefined)
      throw error;
    const problem = `must be writable; got ${(error as Error).message}.`;
    throw new FileError(output, problem, { cause: error });
  } finally {
    interrupt.dispose();
  }
  if (!writer) throw new FileError(file, "must have records; got a header only.");
  const results = { ...cleaner.counts(), output };
  if (!json) {
    for (const rule of wanted) {
      const effect = rule === "dropEmpty" || rule === "dropDuplicates" ? "left out" : "changed";
      print(`${optionName(rule).padEnd(18)} ${results.touched[rule] ?? 0} rows ${effect}`);
    }
    print(`${output}: ${results.written} of ${results.rows} rows`);
  }
  return results;
}

class Cleaner {
  readonly #wanted: readonly CleanRule[];
  readonly #asked: readonly string[] | undefined;
  readonly #file: string;
  readonly #touched: Partial<Record<CleanRule, number>>;
  readonly #seen = new Set<number>();
  #textColumns: readonly string[] | undefined;
  #rows = 0;
  #written = 0;

  constructor(wanted: readonly CleanRule[], asked: readonly string[] | undefined, file: string) {
    this.#wanted = wanted;
    this.#asked = asked;
    this.#file = file;
    this.#touched = Object.fromEntries(wanted.map((rule) => [rule, 0]));
  }

  /** The cells to write, or undefined for a row to leave out. */
  clean({ row, columns }: CsvRow): string[] | undefined {
    this.#rows++;
    const texts = (this.#textColumns ??= chooseTextColumns(columns, this.#asked, this.#file));
    const cells = { ...row };
    for (const { name, everyColumn, apply } of CELL_RULES) {
      if (!this.#wanted.includes(name)) continue;
      let isChanged = false;
      for (const column of everyColumn ? columns : texts) {
        const before = cells[column] ?? "";
        const after = apply(before);
        isChanged ||= after !== before;
        cells[column] = after;
      }
      if (isChanged) this.#count(name);
    }
    const text = joinText(cells, texts);
    if (this.#wanted.includes("dropEmpty") && text.trim() === "") {
      this.#count("dropEmpty");
      return undefined;
    }
    if (this.#wanted.includes("dropDuplicates") && this.#isCopy(text)) {
      this.#count("dropDuplicates");
      return undefined;
    }
    this.#written++;
    return columns.map((column) => cells[column] ?? "");
  }

  counts(): Omit<CleanResults, "output"> {
    return { rows: this.#rows, written: this.#written, touched: this.#touched };
  }

  #count(rule: CleanRule): void {
    this.#touched[rule] = (this.#touched[rule] ?? 0) + 1;
  }

  /** Whether an earlier text has the same words; one without words is no copy of another. */
  #isCopy(text: string): boolean {
    const digest = foldedDigest(text);
    if (digest === undefined) return false;
    if (this.#seen.has(digest)) return true;
    this.#seen.add(digest);
    return false;
  }
}
