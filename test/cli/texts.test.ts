import { describe, expect, it } from "vitest";
import { readTexts, type TextOptions } from "../../cli/texts.ts";
import { collect, inPieces } from "../support/pieces.ts";

const read = (
  content: string | Uint8Array,
  pieceBytes: number,
  options: TextOptions = {},
  name = "input",
) => collect(readTexts({ name, chunks: inPieces(content, pieceBytes) }, options));

describe.each([1, 2, 5, 1000])("texts in pieces of %i bytes", (size) => {
  it("are lines, empty ones too, with LF or CRLF", async () => {
    expect(await read("one\r\n\ntwo é😀\n", size)).toEqual(["one", "", "two é😀"]);
    expect(await read("one\ntwo", size)).toEqual(["one", "two"]);
    expect(await read("", size)).toEqual([]);
    expect(await read("\n", size)).toEqual([""]);
  });

  it("are not cut at other separators", async () => {
    expect(await read("a\u2028b\u0085c\rd\n", size)).toEqual(["a\u2028b\u0085c\rd"]);
  });

  it("come out of JSON lines when the first line is an object", async () => {
    expect(await read('{"text":"a\\nb","x":1}\n\n{"text":""}\n', size)).toEqual(["a\nb", ""]);
    expect(await read('{ not JSON\n{"text":"a"}\n', size)).toEqual(["{ not JSON", '{"text":"a"}']);
    expect(await read('{"title":"a","text":"b"}\n{"text":7}\n', size)).toEqual(["a b", " 7"]);
  });

  it("are JSON behind a byte order mark and blank lines too, and then no lines of text", async () => {
    expect(await read('\uFEFF{"text":"a"}\n', size)).toEqual(["a"]);
    expect(await read('\n \r\n{"text":"a"}', size)).toEqual(["a"]);
    expect(await read("\uFEFFone\n", size)).toEqual(["one"]);
    for (const begin of ["[\n{", '[{"text":"a"},\n', "{\n"]) {
      await expect(read(`${begin}"text":"a"}\n`, size)).rejects.toThrow("must be a JSON object");
    }
    expect(await read("[sic] so\n", size)).toEqual(["[sic] so"]);
  });

  it("are refused where a later record has a text column that the first lacks", async () => {
    const later = '{"text":"a","id":1}\n{"title":"b","text":"c"}\n';
    await expect(read(later, size)).rejects.toThrow(
      "input, record 2: its text columns must be those of the first record, text; got title + text. Name them with --text-columns.",
    );
    await expect(read(later, size, { trainedColumns: ["title", "text"] })).rejects.toThrow(
      "record 2: its text columns must be",
    );
    expect(await read(later, size, { textColumns: ["text"] })).toEqual(["a", "c"]);
    expect(await read(later, size, { trainedColumns: ["text"] })).toEqual(["a", "c"]);
    expect(await read('{"text":"a"}\n{"text":"c","url":"d"}\n', size)).toEqual(["a", "c"]);
  });

  it("are made of the columns named, else of those of training, as a labelled file's are", async () => {
    const jsonl = '{"id":1,"tweet":"a","text":"b"}\n';
    const trainedColumns = ["tweet"];
    expect(await read(jsonl, size, { trainedColumns })).toEqual(["a"]);
    expect(await read(jsonl, size, { trainedColumns, textColumns: ["text"] })).toEqual(["b"]);
    expect(await read('{"text":"b"}\n', size, { trainedColumns })).toEqual(["b"]);
    expect(await read("id,tweet,text\n1,a,b\n", size, { trainedColumns }, "x.csv")).toEqual(["a"]);
    expect(await read("id,tweet\n1,a\n", size, { textColumns: ["tweet"] })).toEqual(["a"]);
    await expect(read('{"headline":"a"}\n', size, { textColumns: ["tweet"] })).rejects.toThrow(
      'input: the text column "tweet" must exist; got the columns headline.',
    );
    await expect(read('{"words":"a"}\n', size)).rejects.toThrow(
      "got the columns words. Name yours.",
    );
    await expect(read('[{"text":"a"}]\n', size, {}, "x.json")).rejects.toThrow(
      "Write an object a line, not an array.",
    );
  });

  it("are refused by line when JSON lacks a text, or bytes are not UTF-8", async () => {
    await expect(read('{"text":"a"}\n\n{"txt":"b"}\n', size)).rejects.toThrow(
      "input, record 2: must have a text in text; got an object without.",
    );
    await expect(read('{"text":"a"}\nplain\n', size)).rejects.toThrow(
      "input, record 2 (line 2): must be a JSON object; got plain.",
    );
    await expect(read(Buffer.from("a\ncafé\n", "latin1"), size)).rejects.toThrow(
      "input (line 2): must be UTF-8; got byte 0xe9 at offset 5.",
    );
    const utf16 = Buffer.from("\uFEFFa\n", "utf16le");
    await expect(read(utf16, size)).rejects.toThrow("It looks like UTF-16.");
    await expect(read("a\nb\0\n", size)).rejects.toThrow(
      "input (line 2): must be text; got a NUL character.",
    );
    await expect(read(Uint8Array.of(97, 10, 0xe2, 0x82), size)).rejects.toThrow("line 2");
  });
});
