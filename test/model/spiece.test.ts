import { describe, expect, it } from "vitest";
import { FileError } from "../../engine/errors.ts";
import { parseSpiece, type Piece, PIECE_TYPE, withFastScores } from "../../model/spiece.ts";
import { albertSpiece, block, SPECIAL_ROWS, spieceBytes, varintField } from "../support/spiece.ts";

const parse = (bytes: Uint8Array) => parseSpiece(bytes, "spiece.model");

describe("parseSpiece", () => {
  it("reads ALBERT's vocabulary", () => {
    const { pieces, charsmap } = parse(albertSpiece());
    expect(pieces).toHaveLength(30000);
    expect(pieces.slice(0, 7).map(({ text }) => text)).toEqual(
      ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "(", ")"], // prettier-ignore
    );
    expect(pieces.slice(0, 3).map(({ type }) => type)).toEqual([
      PIECE_TYPE.control,
      PIECE_TYPE.unknown,
      PIECE_TYPE.control,
    ]);
    expect(pieces[5]?.type).toBe(PIECE_TYPE.userDefined);
    expect(pieces[13]).toEqual({ text: "▁", score: Math.fround(-2.1889710426330566), type: 1 });
    expect(pieces[1289]?.text).toBe("▁test");
    expect(charsmap.length).toBeGreaterThan(100_000);
  });

  it("reads a small model, with and without the default type", () => {
    const piece = block(
      1,
      Buffer.concat([block(1, Buffer.from("▁a")), Buffer.from([21, 0, 0, 0, 191])]),
    );
    const { pieces, charsmap } = parse(Buffer.concat([spieceBytes(SPECIAL_ROWS), piece]));
    expect(pieces.at(-1)).toEqual({ text: "▁a", score: -0.5, type: PIECE_TYPE.normal });
    expect(charsmap).toHaveLength(0);
  });

  it("skips fields it does not know, of every wire type", () => {
    const extra = Buffer.concat([
      varintField(90, 300),
      block(91, Buffer.from("new")),
      Buffer.from([(5 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([(6 << 3) | 5, 1, 2, 3, 4]),
    ]);
    expect(parse(spieceBytes(SPECIAL_ROWS, extra)).pieces).toHaveLength(5);
  });

  it.each<[string, Buffer, RegExp]>([
    ["an empty file", Buffer.alloc(0), /the file is empty/],
    ["JSON", Buffer.from('{"name": "albert-gpu"}'), /got .*other/],
    ["zeros", Buffer.alloc(64), /got other content/],
    ["a varint without an end", Buffer.alloc(64, 0xff), /got other content/],
    ["a truncated model", albertSpiece().subarray(0, 400_003), /truncated/],
    ["a model without pieces", block(2, Buffer.alloc(0)), /without pieces/],
    [
      "a BPE model",
      spieceBytes(SPECIAL_ROWS, block(2, varintField(3, 2))),
      /got a BPE model, not unigram/,
    ],
    [
      "a model of suffix blanks",
      spieceBytes(SPECIAL_ROWS, block(2, varintField(24, 1))),
      /treat_whitespace_as_suffix/,
    ],
    [
      "a model without a blank in front",
      spieceBytes(SPECIAL_ROWS, block(3, varintField(3, 0))),
      /add_dummy_prefix/,
    ],
    ["byte fallback", spieceBytes([...SPECIAL_ROWS, ["<0x00>", 0, 6]]), /byte fallback/],
    ["a piece that comes twice", spieceBytes([...SPECIAL_ROWS, ["a"], ["a"]]), /"a" twice/],
    ["an empty piece", spieceBytes([...SPECIAL_ROWS, [""]]), /an empty piece/],
    [
      "a score that is no number",
      spieceBytes([...SPECIAL_ROWS, ["a", NaN]]),
      /the score NaN for "a"/,
    ],
    [
      "two unknown pieces",
      spieceBytes([...SPECIAL_ROWS, ["<unk2>", 0, 2]]),
      /2 pieces of type unknown/,
    ],
    ["no unknown piece", spieceBytes([["a"]]), /0 pieces of type unknown/],
    ["a piece that is not UTF-8", block(1, block(1, Buffer.from([0xff]))), /not UTF-8/],
    ["a score of the wrong size", block(1, varintField(2, 1)), /score that is not a 32-bit float/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(FileError);
    expect(() => parse(bytes)).toThrow(message);
  });
});

describe("withFastScores", () => {
  const isDigitComma = ({ text }: Piece): boolean => /[0-9],$/.test(text);

  it("lowers the scores of 141 of ALBERT's pieces by 100, and changes nothing else", () => {
    const bytes = albertSpiece();
    const { pieces, charsmap } = parse(bytes);
    const lowered = parse(withFastScores(bytes, pieces));
    expect(lowered.charsmap).toEqual(charsmap);
    expect(pieces.filter(isDigitComma)).toHaveLength(141);
    expect(lowered.pieces).toEqual(
      pieces.map((piece) =>
        isDigitComma(piece) ? { ...piece, score: Math.fround(piece.score - 100) } : piece,
      ),
    );
  });

  it("adds to pieces without a score, and to those whose length takes a second byte then", () => {
    const texts = ["▁1,", `${"9".repeat(122)},`, "▁a"];
    const messages = texts.map((text) => block(1, block(1, Buffer.from(text))));
    const bytes = Buffer.concat([spieceBytes(SPECIAL_ROWS), ...messages]);
    const { pieces } = parse(withFastScores(bytes, parse(bytes).pieces));
    expect(pieces.slice(SPECIAL_ROWS.length).map(({ text, score }) => [text, score])).toEqual([
      [texts[0], -100],
      [texts[1], -100],
      ["▁a", 0],
    ]);
  });

  it("leaves out the texts that SentencePiece would test itself on", () => {
    const bytes = spieceBytes([...SPECIAL_ROWS, ["▁a"]]);
    const selfTest = block(4, block(1, block(1, Buffer.from("a"))));
    const { pieces } = parse(bytes);
    expect(withFastScores(Buffer.concat([selfTest, bytes]), pieces)).toEqual(bytes);
  });
});
