import { fileURLToPath } from "node:url";
import { SentencePieceProcessor } from "sentencepiece-js";
import { expect, it } from "vitest";
import { EncodeCall } from "../../model/encode-call.ts";

it("gives the ids of the library's own call, for texts of any length and content", async () => {
  const sentencePiece = new SentencePieceProcessor();
  await sentencePiece.load(
    fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url)),
  );
  const call = new EncodeCall(sentencePiece);
  const texts = [
    "",
    "a",
    "senate passes budget",
    "é",
    "a\u0301\u{1f600}漢字",
    "\0 a\0b",
    "x".repeat(341), // the most that its room takes for certain
    "漢".repeat(341),
    "x".repeat(342),
    "漢".repeat(342),
    "word ".repeat(50_000), // makes the heap grow
    "after that",
  ];
  for (const text of texts) expect(call.ids(text)).toEqual(sentencePiece.encodeIds(text));
  for (let i = 0; i < 1000; i++) call.ids(`word ${i}`);
  const { HEAPU8 } = sentencePiece.sentencepiece;
  const before = HEAPU8.length;
  for (let i = 0; i < 50_000; i++) call.ids("no text is left behind in the heap of the module");
  expect(sentencePiece.sentencepiece.HEAPU8.length).toBe(before);
});
