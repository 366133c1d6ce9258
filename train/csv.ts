// Streams the records of a CSV file (RFC 4180, UTF-8) in bounded memory. papaparse reads the records; this file feeds it
// block by block and refuses what it would let pass. It does not know what the columns mean: that is dataset.ts.

import Papa from "papaparse";
import { DataError, FileError } from "../engine/errors.ts";
import { refuseLfsPointer } from "../model/lfs-pointer.ts";
import { decode, readFileChunks, type TextBlock } from "./text-blocks.ts";

/** A path, or bytes from elsewhere (standard input) with a name for error messages. */
export type CsvSource = string | { name: string; chunks: AsyncIterable<Uint8Array> };

/** One data record. */
export interface CsvRow {
  /** Cell text by column name; of JSON lines, without the columns that the object lacks. */
  row: Record<string, string>;
  /** All column names, in the file's order. */
  columns: readonly string[];
  /** Data records count from 1; the header is not counted. */
  record: number;
  /** Line of the file the record starts on, from 1. */
  line: number;
  /** Keys of an object of JSON lines that the first one lacks. */
  further?: readonly string[];
}

// Without a bound a quote left open would pull the whole rest of a file into memory.
const MAX_RECORD_CHARS = 1 << 24;

/** How a delimited file is written; the default is RFC 4180 with a header row. */
export interface CsvFormat {
  /** One character between cells. */
  delimiter?: string | undefined;
  /** False: a quote is a character like any other, as in LIAR's raw files. */
  quotes?: boolean | undefined;
  /** Column names of a file that has no header row: its first record is data then. */
  columns?: readonly string[] | undefined;
}

// As Excel writes where numbers have a decimal comma, and others elsewhere.
const OTHER_DELIMITERS = ",;\t|";

// Refused in any text that is read, so it can never open a cell.
const NO_QUOTE = "\0";

/**
 * Reads a CSV file record by record; the file is read only as fast as the rows are taken.
 * Blank lines are skipped; LF and CRLF may be mixed; a byte order mark is dropped; quotes inside an unquoted cell are text.
 * Throws FileError when there is no file to read or it is empty, DataError with the record's number and line for ragged
 * records, broken quotes, duplicate column names, a header with another delimiter, bytes that are not UTF-8, and NUL characters.
 * A file with only a header yields nothing.
 */
export async function* readRows(
  source: CsvSource,
  { delimiter = ",", quotes = true, columns: names }: CsvFormat = {},
): AsyncGenerator<CsvRow, void, undefined> {
  if (delimiter.length !== 1 || Papa.BAD_DELIMITERS.includes(delimiter)) {
    throw new DataError(
      `csv: the delimiter must be one character, not a quote or a line end; got ${JSON.stringify(delimiter)}.`,
    );
  }
  const name = typeof source === "string" ? source : source.name;
  const chunks = typeof source === "string" ? readFileChunks(source) : source.chunks;
  let columns = names;
  if (columns !== undefined) checkHeader(name, 0, columns);
  const others = OTHER_DELIMITERS.replace(delimiter, "");
  const format = { delimiter, quoteChar: quotes ? '"' : NO_QUOTE };
  const first = names === undefined ? 0 : 1;
  let isEmpty = true;
  for await (const { cells, record, line } of readRecords(name, decode(chunks), format, first)) {
    isEmpty = false;
    if (columns === undefined) {
      checkHeader(name, line, cells);
      const other = cells.length === 1 && Array.from(others).find((c) => cells[0]!.includes(c));
      // Read on, its quotes would look broken. A blank beside it, and it may be a sentence.
      if (other && !/\s/.test(cells[0]!.replaceAll("\t", ""))) {
        throw new DataError(
          `${place(name, record, line)}: columns must have ${JSON.stringify(delimiter)} between them; got ${JSON.stringify(cells[0])}. Give its delimiter: --delimiter ${other === "\t" ? "tab" : `"${other}"`}.`,
        );
      }
      columns = cells;
      continue;
    }
    if (cells.length !== columns.length) {
      const cause =
        cells.length > columns.length ? "an unquoted delimiter inside a cell" : "a cut-off line";
      throw new DataError(
        `${place(name, record, line)}: must have ${columns.length} cells like the header; got ${cells.length}. Look for ${cause}.`,
      );
    }
    yield {
      row: Object.fromEntries(columns.map((c, i) => [c, cells[i] ?? ""])),
      columns,
      record,
      line,
    };
  }
  if (isEmpty) {
    throw new FileError(name, "must start with a header row; got an empty file.");
  }
}

function place(name: string, record: number, line: number): string {
  return record === 0
    ? `${name}, header (line ${line})`
    : `${name}, record ${record} (line ${line})`;
}

function checkHeader(name: string, line: number, columns: readonly string[]): void {
  refuseLfsPointer(Buffer.from(columns[0] ?? ""), name);
  if (columns.some((column) => column.includes("\r"))) {
    throw new DataError(
      `${place(name, 0, line)}: lines must end in LF or CRLF; got a bare CR. Convert the line ends.`,
    );
  }
  const duplicate = columns.find((column, i) => columns.indexOf(column) !== i);
  if (duplicate !== undefined) {
    throw new DataError(
      `${place(name, 0, line)}: column names must differ; got ${JSON.stringify(duplicate)} twice in ${columns.join(", ")}. Rename one.`,
    );
  }
}

interface CsvRecord {
  cells: string[];
  record: number;
  line: number;
}

async function* readRecords(
  name: string,
  blocks: AsyncIterable<TextBlock>,
  format: BlockFormat,
  first: number,
): AsyncGenerator<CsvRecord, void, undefined> {
  let pending = "";
  let line = 1;
  let record = first;

  // Parses what is pending, and leaves the last record there unless nothing follows it.
  function* parsePending(isEnd: boolean): Generator<CsvRecord, void, undefined> {
    const parsed = parseBlock(pending, format);
    let start = 0;
    for (const { cells, end, quoteError } of isEnd ? parsed : parsed.slice(0, -1)) {
      const here = line;
      const isBlank =
        cells.length === 1 && cells[0] === "" && end - start <= 2 && pending[start] !== '"';
      for (
        let at = pending.indexOf("\n", start);
        at !== -1 && at < end;
        at = pending.indexOf("\n", at + 1)
      )
        line++;
      start = end;
      if (isBlank) continue;
      if (quoteError) {
        throw new DataError(
          `${place(name, record, here)}: a quoted cell must end in one quote, and quotes inside it be doubled; got ${quoteError}. Look at its quotes.`,
        );
      }
      yield { cells, record: record++, line: here };
    }
    pending = pending.slice(start);
  }

  let parseAt = 0;
  for await (const { text, problem } of blocks) {
    pending += text;
    if (problem === undefined && pending.length < parseAt && pending.length <= MAX_RECORD_CHARS)
      continue;
    const before = pending.length;
    yield* parsePending(false);
    if (problem !== undefined) throw new DataError(`${place(name, record, line)}: ${problem}`);
    if (pending.length > MAX_RECORD_CHARS) {
      throw new DataError(
        `${place(name, record, line)}: a record must be shorter than ${MAX_RECORD_CHARS} characters; got more. Is a quote left open?`,
      );
    }
    // A long record is tried again only when twice as much is there: linear work, however long it is.
    parseAt = pending.length === before ? 2 * before : 0;
  }
  if (pending !== "") yield* parsePending(true);
}

interface BlockFormat {
  delimiter: string;
  quoteChar: string;
}

interface ParsedRecord {
  cells: string[];
  /** Offset in the block just after the record and its line end. */
  end: number;
  quoteError: string | undefined;
}

/** All records of a block; the last one may be incomplete, and is [""] when the block ends in a line end. */
function parseBlock(block: string, { delimiter, quoteChar }: BlockFormat): ParsedRecord[] {
  const records: ParsedRecord[] = [];
  // papaparse drops a leading U+FEFF from any string; here it would be text, and offsets would shift.
  Papa.parse<string[]>(block.startsWith("\uFEFF") ? `\uFEFF${block}` : block, {
    delimiter,
    quoteChar,
    newline: "\n", // a fixed one: papaparse would guess a single style from the start of each block
    step: ({ data: cells, errors, meta: { cursor: end } }) => {
      const last = cells.length - 1;
      const cell = cells[last] ?? "";
      // The CR of a CRLF ends up in an unquoted last cell; after a quoted one papaparse skips it as white space. A quoted
      // cell may end in a CR of its own: there a quote, not a delimiter, stands where the cell's text would begin.
      const at = end - 1 - cell.length;
      const isBare = at === (records.at(-1)?.end ?? 0) || block.endsWith(delimiter, at);
      if (isBare && cell.endsWith("\r") && block.endsWith(`${cell}\n`, end))
        cells[last] = cell.slice(0, -1);
      const isOpen = errors.some((error) => error.code === "MissingQuotes");
      const quoteError = isOpen
        ? "the end of the file"
        : errors[0] && "text after the closing quote";
      records.push({ cells, end, quoteError });
    },
  });
  return records;
}
