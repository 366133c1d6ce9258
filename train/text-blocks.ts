// Bytes of a file to text, block by block, for the readers of CSV and of JSON lines: what is no UTF-8 text is refused here.

import { createReadStream } from "node:fs";
import { DataError, FileError } from "../engine/errors.ts";

const BLOCK_BYTES = 1 << 18;

/** Reads a file block by block. Throws FileError when there is no file to read. */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: BLOCK_BYTES }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new FileError(path, "must be a file to read; got no such file.", { cause: error });
    }
    if (code === "EISDIR")
      throw new FileError(path, "must be a file to read; got a folder.", { cause: error });
    throw new FileError(path, `must be readable; got ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** Decoded text; `problem` says why the bytes after it cannot be used, and nothing follows then. */
export interface TextBlock {
  text: string;
  problem?: string;
}

/** Decodes UTF-8 that comes in blocks; stops at the first byte that is not UTF-8 or is NUL. */
export async function* decode(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<TextBlock, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let before = new Uint8Array(); // the end of the last chunk: a character may begin there
  let offset = 0;
  for await (const chunk of chunks) {
    try {
      const text = decoder.decode(chunk, { stream: true });
      const nul = text.indexOf("\0");
      if (nul !== -1) {
        yield {
          text: text.slice(0, nul),
          problem:
            "must be text; got a NUL character. Is this an archive, a workbook or a UTF-16 file? Save it as CSV in UTF-8.",
        };
        return;
      }
      yield { text };
    } catch {
      const joined = Buffer.concat([before, chunk]);
      const good = validLength(joined);
      const text = new TextDecoder().decode(joined.subarray(0, good));
      yield { text, problem: notUtf8(offset - before.length + good, joined[good]) };
      return;
    }
    offset += chunk.length;
    before = openCharacter(chunk.length >= 3 ? chunk : Buffer.concat([before, chunk]));
  }
  try {
    decoder.decode();
  } catch {
    yield { text: "", problem: notUtf8(offset - before.length, before[0]) };
  }
}

/**
 * Lines that end in LF, or CRLF whose CR stays, numbered from 1; the last one needs no end. Other line separators of Unicode
 * are text. @param name names the input in errors
 * Throws DataError with the line for bytes that are not UTF-8 text, and for a line that is `tooLong`.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  tooLong?: { readonly characters: number; readonly problem: string },
): AsyncGenerator<{ text: string; line: number }, void, undefined> {
  let pending = "";
  let line = 1;
  for await (const { text, problem } of decode(chunks)) {
    const lines = text.split("\n");
    lines[0] = pending + (lines[0] ?? "");
    pending = lines.pop() ?? "";
    for (const one of lines) yield { text: one, line: line++ };
    if (problem !== undefined) throw new DataError(`${name} (line ${line}): ${problem}`);
    if (tooLong && pending.length > tooLong.characters) {
      throw new DataError(`${name} (line ${line}): ${tooLong.problem}`);
    }
  }
  if (pending !== "") yield { text: pending, line };
}

function notUtf8(offset: number, byte = 0): string {
  const isUtf16 = offset === 0 && byte >= 0xfe; // a byte order mark
  const isGzip = offset === 1 && byte === 0x8b;
  const remedy = isGzip
    ? "It looks compressed by gzip: unpack it first."
    : `${isUtf16 ? "It looks like UTF-16. " : ""}Save the file as UTF-8.`;
  return `must be UTF-8; got byte 0x${byte.toString(16).padStart(2, "0")} at offset ${offset}. ${remedy}`;
}

/** The bytes at the end of valid UTF-8 that only begin a character, at most 3. */
function openCharacter(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      if (size > back) return new Uint8Array(bytes.subarray(bytes.length - back));
      break;
    }
  }
  return new Uint8Array();
}

/** Where the first broken character begins; found by bisection, so that only a broken file pays. */
function validLength(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle - 1;
    }
  }
  return good - openCharacter(bytes.subarray(0, good)).length;
}
