import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { DataError, FileError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { readRows } from "../../train/csv.ts";
import { collect, inPieces } from "../support/pieces.ts";

const folder = mkdtempSync(join(tmpdir(), "albert-gpu-csv-"));
afterAll(() => rmSync(folder, { recursive: true }));

const source = (content: string | Uint8Array, pieceBytes?: number) => ({
  name: "x.csv",
  chunks: inPieces(content, pieceBytes),
});
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const PIECES = [1, 2, 3, 5, 7, 16, 1 << 18];

/** The rows' cells, after checking that they do not depend on how the bytes come in. */
async function cells(content: string | Uint8Array): Promise<Record<string, string>[]> {
  const readings: Record<string, string>[][] = [];
  for (const size of PIECES)
    readings.push((await collect(readRows(source(content, size)))).map(({ row }) => row));
  for (const reading of readings) expect(reading).toEqual(readings[0]);
  return readings[0] ?? [];
}

/** The error, after checking that class and message do not depend on how the bytes come in. */
async function failure(content: string | Uint8Array): Promise<string> {
  const messages = new Set<string>();
  for (const size of PIECES) {
    const error: unknown = await collect(readRows(source(content, size))).then(
      () => new Error("no error"),
      (e: unknown) => e,
    );
    messages.add(
      error instanceof DataError || error instanceof FileError ? error.message : String(error),
    );
  }
  expect([...messages]).toHaveLength(1);
  return [...messages][0] ?? "";
}

describe("readRows reads", () => {
  it("cells by column, with record and line numbers", async () => {
    const rows = await collect(
      readRows(source('title,label\nfirst,0\n\n"second\nof two lines",1\nthird,0\n')),
    );
    expect(rows.map(({ row, record, line }) => [row.title, row.label, record, line])).toEqual([
      ["first", "0", 1, 2],
      ["second\nof two lines", "1", 2, 4],
      ["third", "0", 3, 6],
    ]);
    expect(rows[0]?.columns).toEqual(["title", "label"]);
  });

  it("quotes, delimiters and line ends inside quoted cells", async () => {
    expect(await cells('a,b\n"x,""y""\r\nz",\n"","""\n"\n')).toEqual([
      { a: 'x,"y"\r\nz', b: "" },
      { a: "", b: '"\n' },
    ]);
  });

  it("LF and CRLF, also mixed, with and without one at the end", async () => {
    const want = [
      { a: "1", b: "2" },
      { a: "3", b: "4" },
      { a: "5", b: "" },
    ];
    expect(await cells("a,b\n1,2\n3,4\n5,")).toEqual(want);
    expect(await cells("a,b\r\n1,2\r\n3,4\r\n5,\r\n")).toEqual(want);
    expect(await cells('a,b\r\n1,"2"\r\n"3",4\n5,""\r\n')).toEqual(want);
    expect(await cells('"a","b"\n"1","2"\r\n"3","4"\r\n"5",""')).toEqual(want);
    expect(await cells("a,b\n\r\n1,2\n\n\n3,4\n5,\n\n")).toEqual(want);
  });

  it("a carriage return inside quotes as text", async () => {
    expect(await cells('a,b\n"x\r","y\r"\r\n')).toEqual([{ a: "x\r", b: "y\r" }]);
  });

  it("a byte order mark away at the start, and keeps U+FEFF anywhere else", async () => {
    expect(await cells("\uFEFFa,b\n1,2\n\uFEFF3,4\n")).toEqual([
      { a: "1", b: "2" },
      { a: "\uFEFF3", b: "4" },
    ]);
  });

  it("quotes in the middle of an unquoted cell as text", async () => {
    expect(await cells('a,b\n5" disk,a "b" c\n')).toEqual([{ a: '5" disk', b: 'a "b" c' }]);
  });

  it("an empty quoted cell of a single column, but no blank line", async () => {
    expect(await cells('a\n""\n\nx\n')).toEqual([{ a: "" }, { a: "x" }]);
    expect(await cells('a\nx\n""')).toEqual([{ a: "x" }, { a: "" }]);
  });

  it("characters of every UTF-8 length, a replacement character among them", async () => {
    expect(await cells("a\né€😀\uFFFD\n")).toEqual([{ a: "é€😀\uFFFD" }]);
  });

  it("columns with any name, in the file's order", async () => {
    const [row] = await collect(readRows(source("2,__proto__,1\na,b,c\n")));
    expect(row?.columns).toEqual(["2", "__proto__", "1"]);
    expect(Object.entries(row?.row ?? {}).map(String)).toEqual(
      expect.arrayContaining(["__proto__,b"]),
    );
  });

  it("other delimiters", async () => {
    const [row] = await collect(readRows(source("a\tb\nx,y\tz\n"), { delimiter: "\t" }));
    expect(row?.row).toEqual({ a: "x,y", b: "z" });
    for (const delimiter of ["", '"', "\n", "ab"]) {
      await expect(collect(readRows(source("a\n1\n"), { delimiter }))).rejects.toThrow(
        "one character",
      );
    }
  });

  it("any cells back that a writer quoted, in whatever pieces they come", async () => {
    const random = new Random(5);
    const parts = [
      "a",
      "b c",
      " ",
      ",",
      '"',
      '""',
      "\n",
      "\r\n",
      "\r",
      "é",
      "😀",
      "\uFEFF",
      "'",
      "\t",
    ];
    const text = () =>
      Array.from({ length: random.int(6) }, () => parts[random.int(parts.length)]).join("");
    for (let round = 0; round < 60; round++) {
      const width = 1 + random.int(4);
      const columns = Array.from({ length: width }, (_, i) => `c${i}`);
      const rows = Array.from({ length: random.int(8) }, () => columns.map(text));
      const end = random.int(2) === 0 ? "\n" : "\r\n";
      const quoted = (cell: string) =>
        cell === "" || /[",\r\n\s\uFEFF]/.test(cell) || random.int(3) === 0
          ? `"${cell.replaceAll('"', '""')}"`
          : cell;
      const file = [columns, ...rows].map((cells) => cells.map(quoted).join(",") + end).join("");
      expect(await cells(file)).toEqual(
        rows.map((r) => Object.fromEntries(columns.map((c, i) => [c, r[i]]))),
      );
    }
  });

  it("a cell of 1 MB, and one of 10 MB, from a file", async () => {
    for (const size of [1e6, 1e7]) {
      const path = join(folder, "large.csv");
      writeFileSync(path, `a,b\n1,"${'x""\n'.repeat(size / 4)}"\n2,y\n`);
      const rows = await collect(readRows(path));
      expect(rows.map(({ row }) => row.b?.length)).toEqual([(size / 4) * 3, 1]);
      expect(rows[1]?.line).toBe(size / 4 + 3);
    }
  });

  it("no further than the rows are taken, and closes the file early", async () => {
    let given = 0;
    async function* endless() {
      yield Buffer.from("a\n");
      for (;;) {
        given++;
        await Promise.resolve();
        yield Buffer.from("x\n".repeat(100));
      }
    }
    for await (const { record } of readRows({ name: "endless", chunks: endless() }))
      if (record === 250) break;
    expect(given).toBeLessThan(6);
  });
});

describe("readRows refuses", () => {
  it("a file that is not there, and a folder", async () => {
    const path = join(folder, "none.csv");
    await expect(collect(readRows(path))).rejects.toThrow(
      new FileError(path, "must be a file to read; got no such file."),
    );
    await expect(collect(readRows(folder))).rejects.toThrow(
      new FileError(folder, "must be a file to read; got a folder."),
    );
  });

  it("an empty file, and one of blank lines", async () => {
    for (const content of ["", "\n\r\n\n", "\uFEFF"]) {
      await expect(collect(readRows(source(content)))).rejects.toThrow(
        "x.csv: must start with a header row; got an empty file.",
      );
    }
  });

  it("column names that stand twice", async () => {
    expect(await failure("a,b,a\n1,2,3\n")).toBe(
      'x.csv, header (line 1): column names must differ; got "a" twice in a, b, a. Rename one.',
    );
  });

  it("records with a cell too many or too few", async () => {
    expect(await failure("a,b\n1,2\n1,2,3\n")).toBe(
      "x.csv, record 2 (line 3): must have 2 cells like the header; got 3. Look for an unquoted delimiter inside a cell.",
    );
    expect(await failure('a,b\n"1\n",2\n1\n3,4\n')).toBe(
      "x.csv, record 2 (line 4): must have 2 cells like the header; got 1. Look for a cut-off line.",
    );
    expect(await failure("a,b\n1,2\n1")).toContain("record 2 (line 3): must have 2 cells");
  });

  it("a quote that is never closed, where it was opened", async () => {
    expect(await failure('a,b\n1,2\n1,"2\n3,4\n5,6\n')).toContain(
      "record 2 (line 3): a quoted cell must end in one quote",
    );
    expect(await failure('a,b\n1,2\n1,"')).toContain("record 2 (line 3)");
    expect(await failure('a,"b\n1,2\n')).toContain("header (line 1): a quoted cell");
    expect(await failure('a,b\n1,"2\n3,"4"\n')).toContain("record 1 (line 2)");
  });

  it("text after a closing quote", async () => {
    expect(await failure('a,b\n1,2\n"x"y,2\n3,4\n')).toContain("record 2 (line 3): a quoted cell");
    expect(await failure('a,b\n"x"y",2\n')).toContain("got text after the closing quote");
  });

  it("an open quote before it has read more than 16 million characters", async () => {
    let given = 0;
    async function* chunks() {
      yield Buffer.from('a,b\n1,"');
      for (; given < 1000; given++) {
        await Promise.resolve();
        yield Buffer.from("x\n".repeat(1 << 17));
      }
    }
    await expect(collect(readRows({ name: "x.csv", chunks: chunks() }))).rejects.toThrow(
      "x.csv, record 1 (line 2): a record must be shorter than 16777216 characters; got more. Is a quote left open?",
    );
    expect(given).toBeLessThan(66);
  });

  it("bytes that are not UTF-8, by record, byte and offset", async () => {
    const latin1 = Buffer.from("a,b\n1,2\ncafé,x\n", "latin1");
    expect(await failure(latin1)).toBe(
      "x.csv, record 2 (line 3): must be UTF-8; got byte 0xe9 at offset 11. Save the file as UTF-8.",
    );
    expect(await failure(bytes("a\nx", [0xff], "y\n"))).toContain(
      "record 1 (line 2): must be UTF-8; got byte 0xff at offset 3",
    );
    expect(await failure(bytes("a\n€", [0xe2, 0x82], "y\n"))).toContain(
      "got byte 0xe2 at offset 5",
    );
    expect(await failure(bytes("a\nx\n€", [0xe2, 0x82]))).toContain(
      "record 2 (line 3): must be UTF-8; got byte 0xe2 at offset 7",
    );
    expect(await failure(bytes("a\nx\n", [0xed, 0xa0, 0x80]))).toContain(
      "got byte 0xed at offset 4",
    ); // a surrogate
    expect(await failure(bytes("a\nx\n", [0xf0, 0x9f, 0x98]))).toContain(
      "got byte 0xf0 at offset 4",
    );
    expect(await failure(Buffer.from("\uFEFFa,b\n1,2\n", "utf16le"))).toContain(
      "header (line 1): must be UTF-8; got byte 0xff at offset 0. It looks like UTF-16. Save the file as UTF-8.",
    );
    expect(await failure(gzipSync("a,b\n1,2\n"))).toContain(
      "It looks compressed by gzip: unpack it",
    );
  });

  it("NUL characters", async () => {
    expect(await failure("a,b\n1,2\n3,x\0y\n")).toBe(
      "x.csv, record 2 (line 3): must be text; got a NUL character. Is this an archive, a workbook or a UTF-16 file? Save it as CSV in UTF-8.",
    );
    expect(await failure(Buffer.from("a,b\n1,2\n", "utf16le"))).toContain(
      "header (line 1): must be text; got a NUL",
    );
  });

  it("a header with another delimiter, before its quotes look broken", async () => {
    expect(await failure('text;label\r\n"a";0\r\n')).toBe(
      'x.csv, header (line 1): columns must have "," between them; got "text;label". Give its delimiter: --delimiter ";".',
    );
    expect(await failure("text\tlabel\na\t0\n")).toContain("--delimiter tab.");
    expect(await cells("text\na;b\n")).toEqual([{ text: "a;b" }]);
    expect(await cells('"What, where; why"\nx\n')).toEqual([{ "What, where; why": "x" }]);
  });

  it("bare carriage returns as line ends, and a git-LFS pointer", async () => {
    expect(await failure("a,b\r1,2\r3,4\r")).toContain("got a bare CR");
    expect(
      await failure("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    ).toContain("git lfs pull");
  });
});
