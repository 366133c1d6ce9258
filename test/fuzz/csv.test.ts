import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError, FileError } from "../../engine/index.ts";
import { readRows } from "../../train/index.ts";
import { RUNS, survives } from "./runs.ts";

async function readAll(pieces: readonly Uint8Array[]): Promise<Record<string, string>[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  const rows: Record<string, string>[] = [];
  for await (const { row } of readRows({ name: "generated.csv", chunks: chunks() }))
    rows.push({ ...row });
  return rows;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}

const places = fc.array(fc.nat(1000), { maxLength: 6 });
const syntax = fc.array(
  fc.constantFrom(
    ",",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    "a",
    "label",
    "text",
    "\0",
    "\ufeff",
    "é",
    "😀",
    " ",
    ";",
    "\t",
  ),
  { maxLength: 60 },
);

describe("the CSV reader, on generated files", () => {
  it("answers random bytes and random punctuation with rows or a clear error, however the file is cut", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      syntax.map((parts) => new Uint8Array(Buffer.from(parts.join("")))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, places, async (file, at) => {
        const whole = await survives(() => readAll([file]), [DataError, FileError]);
        const pieces = await survives(() => readAll(cut(file, at)), [DataError, FileError]);
        expect(pieces).toEqual(whole);
      }),
      { numRuns: RUNS },
    );
  });

  it("reads back every table that RFC 4180 can write", async () => {
    const cell = fc
      .oneof(
        fc.string(),
        syntax.map((parts) => parts.join("")),
      )
      .map((text) => text.toWellFormed().replaceAll("\0", ""));
    const table = fc.nat(3).chain((extra) => {
      const width = extra + 2; // one empty column alone would be a blank line
      return fc.array(fc.array(cell, { minLength: width, maxLength: width }), {
        minLength: 1,
        maxLength: 6,
      });
    });
    await fc.assert(
      fc.asyncProperty(table, places, async (cells, at) => {
        const columns = cells[0]!.map((_, i) => `c${i}`);
        const quoted = [columns, ...cells].map((row) =>
          row.map((text) => `"${text.replaceAll('"', '""')}"`).join(","),
        );
        const bytes = new Uint8Array(Buffer.from(`${quoted.join("\r\n")}\r\n`));
        const want = cells.map((row) =>
          Object.fromEntries(row.map((text, i) => [columns[i]!, text])),
        );
        expect(await readAll(cut(bytes, at))).toEqual(want);
      }),
      { numRuns: RUNS },
    );
  });
});
