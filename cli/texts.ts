// Texts from standard input or a file: CSV, one a line, or JSON lines with a "text". Streams; a record is all it holds.

import { createReadStream } from "node:fs";
import { DataError } from "../engine/errors.ts";
import { chooseTextColumns, type CsvSource, joinText, readTable } from "../train/index.ts";
import { delimiterOf, type RecordOptions } from "./data.ts";
import { UsageError } from "./errors.ts";
import { flagsGiven } from "./option-name.ts";

export interface InputOptions extends RecordOptions {
  /** A file, or "-" for standard input. CSV by its name (.csv, .tsv) or where text columns are named, else a text or a JSON object a line. */
  readonly input: string;
  /** What the model was trained on, for a CSV file that has it where no text columns are named. */
  readonly trainedColumns?: readonly string[] | undefined;
}

function isCsv({ input, textColumns }: InputOptions): boolean {
  return textColumns !== undefined || /\.(csv|tsv)$/i.test(input);
}

/** Throws UsageError for options of CSV files where the input is none. */
export function checkInputOptions(where: string, options: InputOptions): void {
  const given = flagsGiven(options, ["delimiter", "columns", "quotes"]);
  if (given.length === 0 || isCsv(options)) return;
  throw new UsageError(
    `${where}: ${given.join(", ")} must go with a .csv or .tsv file, or with --text-columns; got lines of text.`,
  );
}

/** The texts of a command's input, in order. Throws DataError for what is no such text. */
export async function* inputTexts(options: InputOptions): AsyncGenerator<string> {
  const { input } = options;
  const isInput = input === "-";
  const name = isInput ? "standard input" : input;
  const chunks: AsyncIterable<Uint8Array> = isInput ? process.stdin : createReadStream(input);
  yield* isCsv(options) ? csvTexts({ name, chunks }, name, options) : readTexts(chunks, name);
}

async function* csvTexts(
  source: CsvSource,
  name: string,
  options: InputOptions,
): AsyncGenerator<string> {
  let columns: readonly string[] | undefined;
  const { quotes, columns: named, textColumns, trainedColumns } = options;
  const format = { delimiter: delimiterOf(name, options.delimiter), quotes, columns: named };
  for await (const { row, columns: there } of readTable(source, format)) {
    columns ??= chooseTextColumns(there, textColumns, name, trainedColumns);
    yield joinText(row, columns);
  }
}

/**
 * Reads UTF-8 lines that end in LF or CRLF; the last one needs no end. Other line separators of Unicode are text.
 * @param name names the input in errors
 * Throws DataError for bytes that are not UTF-8.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  let pending = "";
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new DataError(`${name}: must be UTF-8; got other bytes in or after line ${line}.`, {
        cause,
      });
    }
  };
  for await (const chunk of chunks) {
    const text = decode(chunk);
    if (!text.includes("\n")) {
      pending += text;
      continue;
    }
    const lines = (pending + text).split("\n");
    pending = lines.pop() ?? "";
    for (const one of lines) {
      line++;
      yield one.endsWith("\r") ? one.slice(0, -1) : one;
    }
  }
  pending += decode();
  if (pending !== "") yield pending;
}

/**
 * Reads one text a line, or, when the first line is a JSON object with a string "text", that of each line's object.
 * Every plain line is a text, an empty one too, so that results keep their line numbers; blank JSON lines are skipped.
 * Throws DataError by line number for a JSON line without a text.
 */
export async function* readTexts(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void, undefined> {
  let line = 0;
  let isJson = false;
  for await (const content of readLines(chunks, name)) {
    line++;
    if (line === 1) isJson = textOf(content) !== undefined;
    if (!isJson) {
      yield content;
    } else if (content.trim() !== "") {
      const text = textOf(content);
      if (text === undefined) {
        throw new DataError(
          `${name}: each line must be a JSON object with a string "text", as line 1 is; got ${JSON.stringify(content.slice(0, 60))} in line ${line}.`,
        );
      }
      yield text;
    }
  }
}

function textOf(line: string): string | undefined {
  if (!line.trimStart().startsWith("{")) return undefined;
  try {
    const { text } = JSON.parse(line) as { text?: unknown };
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
