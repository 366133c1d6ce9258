import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SentencePieceProcessor } from "sentencepiece-js";
import { beforeAll, describe, expect, it } from "vitest";
import { parseSpiece } from "../../model/spiece.ts";
import { UnknownRuns } from "../../model/unknown-runs.ts";
import { albertSpiece, withFolder } from "../support/spiece.ts";

let encode: (text: string) => number[];
let runs: UnknownRuns;

beforeAll(() =>
  withFolder(async (dir) => {
    const path = join(dir, "spiece.model");
    const bytes = albertSpiece();
    await writeFile(path, bytes);
    const sentencePiece = new SentencePieceProcessor();
    await sentencePiece.load(path);
    encode = (text) => sentencePiece.encodeIds(text);
    const pieces = parseSpiece(bytes, path).pieces.map(({ text }) => text);
    runs = new UnknownRuns(encode, pieces, 1);
  }),
);

describe("UnknownRuns", () => {
  it("shortens runs of characters outside the vocabulary", () => {
    for (const run of ["😀".repeat(1000), "_".repeat(1000), "漢字".repeat(500), "€é".repeat(2)]) {
      expect(encode(runs.shorten(run)), run.slice(0, 8)).toEqual(encode(run));
    }
    expect(runs.shorten(`a${"😀".repeat(1000)}b`).length).toBeLessThan(12);
  });

  it("sees through characters that normalisation deletes between unknown ones", () => {
    const text = "😀\u0001".repeat(1000);
    expect(runs.shorten(text).length).toBeLessThan(12);
    expect(encode(runs.shorten(text))).toEqual(encode(text));
  });

  it("leaves alone what normalisation turns into pieces, blanks or other characters", () => {
    for (const text of [
      "ＡＢＣＤＥ",
      "①②③④⑤",
      "½½½½½",
      "\u200b".repeat(9),
      "▁▁▁▁▁▁",
      "\u0001".repeat(9),
    ]) {
      expect(runs.shorten(text), text).toBe(text);
    }
  });

  // Every kind of character that normalisation treats in its own way, in random order.
  it("never changes the ids, on 3,000 random strings", () => {
    const kinds = Array.from(
      "abz09,.€£–'😀🎉漢字_~^@\u0001\u000b\u007f\u200b\ufeff\u2581\u0085\ufffd\u0301\u0308\u0915\u093c\u094d" +
        "ᄀ가ᅡᆨ한ｶﾞＡ①ﬁ½…™´¨ßİςñé\u0344\u1e9b\u{1d400}\u{e0041}\u{10ffff}\u{f0000}",
    );
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647; // Park and Miller 1988
      return seed % below;
    };
    for (let i = 0; i < 3000; i++) {
      // Few kinds at a time, so that runs form.
      const some = Array.from({ length: 1 + random(4) }, () => kinds[random(kinds.length)] ?? "");
      const text = Array.from({ length: 1 + random(20) }, () => some[random(some.length)]).join("");
      const short = runs.shorten(text);
      if (encode(short).join() !== encode(text).join()) {
        expect({ text, ids: encode(short) }).toEqual({ text, ids: encode(text) });
      }
    }
  });
});
