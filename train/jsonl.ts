// Streams the records of a JSON lines file in the shape of CSV records, so that nothing behind the reader knows the difference.

import { DataError, FileError } from "../engine/errors.ts";
import type { CsvRow, CsvSource } from "./csv.ts";
import { readFileChunks, readLines } from "./text-blocks.ts";

const MAX_LINE_CHARS = 1 << 24;
const TOO_LONG = {
  characters: MAX_LINE_CHARS,
  problem: `a line must be shorter than ${MAX_LINE_CHARS} characters; got more. Is it one JSON array? Write an object a line.`,
};

/** Whether a file's name says that it holds JSON lines, or JSON: many call JSON lines so. */
export function isJsonl(source: CsvSource): boolean {
  return /\.(jsonl?|ndjson)$/i.test(typeof source === "string" ? source : source.name);
}

/**
 * Reads one JSON object a line; blank lines are skipped. The columns are the keys of the first object; later objects may
 * lack some, as their rows then do, and have `further` ones, which no row holds. Strings are taken as they are, numbers and
 * booleans as JSON writes them, integers of any length with all their digits, null as "".
 * Throws FileError when there is no file to read or it is empty, and DataError with the line for anything but such
 * objects, nested values, bytes that are not UTF-8, and NUL characters.
 */
export async function* readJsonl(source: CsvSource): AsyncGenerator<CsvRow, void, undefined> {
  const name = typeof source === "string" ? source : source.name;
  let columns: readonly string[] | undefined;
  let known = new Set<string>();
  let record = 0;
  const chunks = typeof source === "string" ? readFileChunks(source) : source.chunks;
  for await (const { text, line } of readLines(chunks, name, TOO_LONG)) {
    if (text.trim() === "") continue;
    record++;
    const where = `${name}, record ${record} (line ${line})`;
    const cells = parseObject(text, where);
    if (columns === undefined) known = new Set((columns = Object.keys(cells)));
    const there = columns.filter((column) => cells[column] !== undefined);
    const row = Object.fromEntries(there.map((c) => [c, cellText(cells[c], c, where)]));
    const further = Object.keys(cells).filter((key) => !known.has(key));
    yield { row, columns, record, line, ...(further.length > 0 && { further }) };
  }
  if (columns === undefined) throw new FileError(name, "must hold JSON lines; got an empty file.");
}

function parseObject(text: string, where: string): Record<string, unknown> {
  const exact = exactIntegers(text);
  let value: unknown;
  try {
    value = JSON.parse(exact);
  } catch (cause) {
    const remedy = /^\s*[[{]\s*$/.test(text) ? " Write each object on a line of its own." : "";
    throw new DataError(`${where}: must be a JSON object; got ${excerpt(text)}.${remedy}`, {
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const remedy = Array.isArray(value) ? " Write an object a line, not an array." : "";
    throw new DataError(`${where}: must be a JSON object; got ${excerpt(text)}.${remedy}`);
  }
  return value as Record<string, unknown>;
}

/** JSON with integers that a double would round, as ids of tweets, made strings. */
function exactIntegers(json: string): string {
  if (!/\d{16}/.test(json)) return json;
  return json.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) ? `"${token}"` : token,
  );
}

function cellText(value: unknown, column: string, where: string): string {
  if (value === null) return "";
  if (typeof value === "string") {
    if (!value.includes("\0")) return value;
    throw new DataError(`${where}: ${JSON.stringify(column)} must be text; got a NUL character.`);
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new DataError(
    `${where}: ${JSON.stringify(column)} must be a string or a number; got ${excerpt(JSON.stringify(value))}.`,
  );
}

function excerpt(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
