import { describe, expect, it } from "vitest";
import { readTexts } from "../../cli/texts.ts";
import { collect, inPieces } from "../support/pieces.ts";

const read = (content: string | Uint8Array, pieceBytes: number) =>
  collect(readTexts(inPieces(content, pieceBytes), "input"));

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

  it("come out of JSON lines when the first line is one", async () => {
    expect(await read('{"text":"a\\nb","x":1}\n\n{"text":""}\n', size)).toEqual(["a\nb", ""]);
    expect(await read('{ not JSON\n{"text":"a"}\n', size)).toEqual(["{ not JSON", '{"text":"a"}']);
    expect(await read('{"texts":"a"}\n', size)).toEqual(['{"texts":"a"}']);
  });

  it("are refused by line when JSON lacks a text, or bytes are not UTF-8", async () => {
    await expect(read('{"text":"a"}\n{"text":7}\n', size)).rejects.toThrow(
      'got "{\\"text\\":7}" in line 2.',
    );
    await expect(read('{"text":"a"}\nplain\n', size)).rejects.toThrow('got "plain" in line 2.');
    await expect(read(Buffer.from("a\ncafé\n", "latin1"), size)).rejects.toThrow(
      "input: must be UTF-8",
    );
    await expect(read(Uint8Array.of(97, 10, 0xe2, 0x82), size)).rejects.toThrow("line 2");
  });
});
