// Texts from standard input or a file: records of CSV or JSON lines, or one a line. Streams; a record is all it holds.

import { createReadStream } from "node:fs";
import { DataError } from "../engine/errors.ts";
import {
  chooseTextColumns,
  type CsvRow,
  type CsvSource,
  joinText,
  readTable,
} from "../train/index.ts";
import { requireSameChoice } from "../train/dataset.ts";
import { isJsonl, readJsonl } from "../train/jsonl.ts";
import { readLines } from "../train/text-blocks.ts";
import { csvFlags, delimiterOf, type RecordOptions } from "./data.ts";
import { UsageError } from "./errors.ts";

/** How texts are found in what is read. */
export interface TextOptions extends RecordOptions {
  /** What the model was trained on, for records that have it where no text columns are named. */
  readonly trainedColumns?: readonly string[] | undefined;
}

export interface InputOptions extends TextOptions {
  /** A file, or "-" for standard input. */
  readonly input: string;
}

/** Its name tells CSV and JSON lines, or is what errors call it. */
type Source = Exclude<CsvSource, string>;

const isCsv = (name: string): boolean => /\.(csv|tsv)$/i.test(name);

/** Throws UsageError for options of CSV files where the input is none. */
export function checkInputOptions(where: string, options: InputOptions): void {
  const { input, textColumns } = options;
  const given = csvFlags(options);
  const isNone = isJsonl(input) || (textColumns === undefined && !isCsv(input));
  if (given.length === 0 || !isNone) return;
  const wanted = isJsonl(input)
    ? "a .csv or .tsv file; got JSON lines"
    : "a .csv or .tsv file, or with --text-columns; got lines of text";
  throw new UsageError(`${where}: ${given.join(", ")} must go with ${wanted}.`);
}

/** The texts of a command's input, in order. Throws DataError for what is no such text. */
export function inputTexts(options: InputOptions): AsyncGenerator<string> {
  const { input } = options;
  const isInput = input === "-";
  const chunks: AsyncIterable<Uint8Array> = isInput ? process.stdin : createReadStream(input);
  return readTexts({ name: isInput ? "standard input" : input, chunks }, options);
}

/**
 * Reads texts: of JSON lines, by the name or where the first line that is not blank begins as JSON; of CSV, by the name or
 * where text columns are named; else each line is one, an empty one too, so that results keep their line numbers. Records
 * give the text that training would make of them. Throws DataError, with the record, for what cannot be read so, for a
 * record without a text, and for one whose text columns would be others than the first one's.
 */
export async function* readTexts(source: Source, options: TextOptions): AsyncGenerator<string> {
  const { name } = source;
  const { quotes, columns, textColumns } = options;
  const format = { delimiter: delimiterOf(name, options.delimiter), quotes, columns };
  if (isCsv(name) || isJsonl(name)) {
    return yield* recordTexts(readTable(source, format), name, options);
  }
  const { line, chunks } = await peek(source.chunks);
  if (isJson(line)) {
    yield* recordTexts(readJsonl({ name, chunks }), name, options);
  } else if (textColumns !== undefined) {
    yield* recordTexts(readTable({ name, chunks }, format), name, options);
  } else {
    for await (const { text } of readLines(chunks, name)) {
      yield text.endsWith("\r") ? text.slice(0, -1) : text;
    }
  }
}

async function* recordTexts(
  records: AsyncIterable<CsvRow>,
  name: string,
  { textColumns, trainedColumns }: TextOptions,
): AsyncGenerator<string> {
  let chosen: readonly string[] | undefined;
  for await (const csvRow of records) {
    const { row, columns, record } = csvRow;
    chosen ??= chooseTextColumns(columns, textColumns, name, trainedColumns);
    requireSameChoice(csvRow, chosen, textColumns, name, trainedColumns);
    if (!chosen.some((column) => Object.hasOwn(row, column))) {
      throw new DataError(
        `${name}, record ${record}: must have a text in ${chosen.join(" or ")}; got an object without.`,
      );
    }
    yield joinText(row, chosen);
  }
}

const MOST_PEEKED = 1 << 24;

/** The first line that is not blank, and everything again. */
async function peek(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  const taken: Uint8Array[] = [];
  let bytes = 0;
  let line: string | undefined;
  while (line === undefined && bytes < MOST_PEEKED) {
    const { value, done } = await iterator.next();
    if (done !== true) {
      taken.push(value);
      bytes += value.length;
      if (!value.includes(0x0a)) continue;
    }
    // A TextDecoder leaves a byte order mark out.
    const lines = new TextDecoder().decode(Buffer.concat(taken)).split("\n");
    if (done !== true) lines.pop(); // may go on
    line = lines.find((one) => one.trim() !== "");
    if (done === true) break;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield* taken;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.(); // where the reader stops early
    }
  }
  return { line: line ?? "", chunks: all() };
}

/**
 * Whether a line is JSON that holds objects, or how such JSON begins on several lines, which its reader then refuses. A text
 * may begin with a brace or a bracket too.
 */
function isJson(line: string): boolean {
  if (/^\s*(?:[{[]\s*$|\[\s*\{\s*")/.test(line)) return true;
  if (!line.trimStart().startsWith("{")) return false;
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
