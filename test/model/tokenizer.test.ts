import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { AlbertGpuError, FileError } from "../../engine/errors.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { PieceRow } from "../support/spiece.ts";
import { albertSpiece, block, SPECIAL_ROWS, spieceBytes, tokenizerOf } from "../support/spiece.ts";

const GOLDEN = new URL("../../../shared/data/tokenizer/golden.jsonl", import.meta.url);

let albert: Tokenizer;
beforeAll(async () => {
  albert = await tokenizerOf(albertSpiece());
});

/** Ids without [CLS] and [SEP]. */
const inner = (text: string, tokenizer = albert) => tokenizer.encode(text, Infinity).slice(1, -1);

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function listenerCounts(): number[] {
  return ["uncaughtException", "unhandledRejection"].map((event) => process.listenerCount(event));
}

describe("Tokenizer with ALBERT's vocabulary", () => {
  it.skipIf(!existsSync(GOLDEN))(
    "equals transformers on all of golden.jsonl (needs shared data)",
    () => {
      const lines = readFileSync(GOLDEN, "utf8").trimEnd().split("\n");
      expect(lines.length).toBe(500);
      for (const line of lines) {
        const { text, ids } = JSON.parse(line) as { text: string; ids: number[] };
        expect(albert.encode(text), text).toEqual(ids);
      }
    },
  );

  // Ids that transformers' AlbertTokenizerFast gives; the first two are in its own unit tests.
  it.each<[string, number[]]>([
    ["This is a test", [48, 25, 21, 1289]],
    [
      "I was born in 92000, and this is falsé.",
      [31, 23, 386, 19, 561, 3050, 15, 17, 48, 25, 4997, 9],
    ],
    [
      "The quick brown fox jumps over the lazy dog.",
      [14, 2231, 886, 2385, 17659, 84, 14, 16792, 1952, 9],
    ],
    ["15,", [357, 15]],
    ["2010,000", [434, 19420]],
    ["``a''", [13, 7, 58, 7]],
    ["1\ufe0f\u20e3", [137]],
    ["a\u000bb", [5941]],
    ["", []],
    [" \t\n\u00a0\u3000 ", []],
    ["\u0001\u0002", []],
  ])("encodes %j", (text, ids) => {
    expect(inner(text)).toEqual(ids);
  });

  it("knows the special ids and the size", () => {
    const { vocabSize, padId, unkId, clsId, sepId, maskId } = albert;
    expect([vocabSize, padId, unkId, clsId, sepId, maskId]).toEqual([30000, 0, 1, 2, 3, 4]);
    expect(albert.idToPiece(1289)).toBe("▁test");
    expect(() => albert.idToPiece(30000)).toThrow(/id must be in \[0, 30000\); got 30000/);
  });

  it("turns the names of special pieces in the text into those pieces, in their exact spelling", () => {
    expect(inner("x [MASK] y")).toEqual([993, 4, 13, 93]);
    expect(inner("[CLS]abc[SEP]<pad><unk>")).toEqual([2, 5079, 3, 0, 1]);
    expect(inner("<PAD>")).not.toContain(0);
    expect(inner("[mask]")).not.toContain(4);
  });

  it("takes a lone surrogate for one unknown character and keeps the text behind it", () => {
    expect(inner("hello \ud83d world")).toEqual(inner("hello \ufffd world"));
    expect(inner("\ud83da\udc00")).toEqual(inner("\ufffda\ufffd"));
  });

  // transformers 5.23.0; `npm run parity` compares more.
  it.each<[string, number[]]>([
    ["!!!!", [13, 187, 28116]],
    ["waaaaait", [3142, 58, 22160, 242]],
    ["kkk", [680, 8033]],
    ["“kkk", [13, 1, 197, 8033]],
    ["객kkk", [13, 1, 197, 8033]],
    ["o".repeat(18), [13, 4328, 28290, 28290, 28290, 28290]],
    [`개${"o".repeat(9)}`, [13, 1, 111, 28290, 28290]],
  ])("orders pieces of equal probability as transformers does: %j", (text, ids) => {
    expect(inner(text)).toEqual(ids);
  });

  it("cuts at maxLength with [SEP] as the last id, and adds nothing to shorter texts", () => {
    const text = "the quick brown fox ".repeat(200);
    const whole = albert.encode(text, Infinity);
    for (const maxLength of [3, 4, 64, 511, 512]) {
      expect(albert.encode(text, maxLength)).toEqual([...whole.slice(0, maxLength - 1), 3]);
    }
    expect(albert.encode(text)).toHaveLength(512);
    expect(albert.encode("a test", 512)).toEqual([2, 21, 1289, 3]);
    expect(albert.encode("a test", 4)).toEqual([2, 21, 1289, 3]);
    expect(albert.encode("[MASK] [MASK] [MASK]", 4)).toEqual([2, 4, 4, 3]);
  });

  it.each([2, 0, -1, NaN])("refuses a maxLength of %d", (maxLength) => {
    expect(() => albert.encode("a", maxLength)).toThrow(AlbertGpuError);
    expect(() => albert.encode("a", maxLength)).toThrow(/maxLength must be at least 3/);
  });

  it("gives the same ids again, from its cache or not", () => {
    const text = `Unbelievable ${"supercalifragilistic".repeat(5)} 😀😀 2010, end`;
    expect(albert.encode(text)).toEqual(albert.encode(text));
  });

  it("drops millions of accents on one letter", () => {
    expect(inner(`a${"\u0301".repeat(9_000_000)}b`)).toEqual(inner("ab"));
  });

  // SentencePiece alone needs 6 s and more for each of these.
  it.each<[string, string]>([
    ["emoji", "😀".repeat(250_000)],
    ["underscores", "_".repeat(1_000_000)],
    ["Chinese", "漢字".repeat(170_000)],
    ["emoji with deleted characters between them", "😀\u0001".repeat(200_000)],
  ])("encodes a megabyte of %s without spending quadratic time", (_, text) => {
    let ids: number[] = [];
    const ms = timed(() => (ids = albert.encode(text, Infinity)));
    expect(ids).toEqual([2, 13, 1, 3]);
    expect(ms).toBeLessThan(3000);
  });

  it("encodes a word of a million letters, and all of it when nothing limits the length", () => {
    const text = "ab".repeat(500_000);
    expect(albert.encode(text)).toHaveLength(512);
    const ids = inner(text);
    expect(ids.map((id) => albert.idToPiece(id)).join("")).toBe(`▁${text}`);
  });

  it("tells which ids each word became, whatever normalisation makes of it", () => {
    const text =
      "\u3000The q\u00a8uick\n[MASK]-br\u00f3wn  \u0001 \ufeff [CLS]fox ``jumps'' \u{f0000} ";
    const { ids, words, truncated } = albert.encodeWords(text, Infinity);
    expect(ids).toEqual(albert.encode(text, Infinity));
    expect(truncated).toBe(false);
    const pieces = words.map(({ start, end, from, to }) => [
      text.slice(start, end),
      ids.slice(from, to).map((id) => albert.idToPiece(id)),
    ]);
    expect(pieces).toEqual([
      ["The", ["\u2581the"]],
      ["q\u00a8uick", ["\u2581q", "\u2581u", "ick"]],
      ["[MASK]-br\u00f3wn", ["[MASK]", "\u2581", "-", "brown"]],
      ["\u0001", []],
      ["\ufeff", []],
      ["[CLS]fox", ["[CLS]", "\u2581fox"]],
      ["``jumps''", ["\u2581", '"', "jump", "s", '"']],
      ["\u{f0000}", ["\u2581", "<unk>"]],
    ]);
  });

  it("tells which words a cut left out, in part or whole", () => {
    const text = "a supercalifragilistic test of words";
    const whole = albert.encodeWords(text, Infinity);
    for (let maxLength = 3; maxLength <= whole.ids.length + 1; maxLength++) {
      const { ids, words, truncated } = albert.encodeWords(text, maxLength);
      expect(ids).toEqual(albert.encode(text, maxLength));
      expect(truncated).toBe(maxLength < whole.ids.length);
      const end = ids.length - 1;
      expect(words).toEqual(
        whole.words.map(({ from, to, ...place }) => ({
          ...place,
          from: Math.min(from, end),
          to: Math.min(to, end),
        })),
      );
    }
  });

  it("leaves no listeners on the process, even when loads overlap", async () => {
    const before = listenerCounts();
    const own = timed.bind(null, () => {}); // a listener of somebody else's, added during the load
    const loads = [tokenizerOf(albertSpiece()), tokenizerOf(albertSpiece())];
    process.on("uncaughtException", own);
    await Promise.all(loads);
    expect(process.listeners("uncaughtException")).toContain(own);
    process.off("uncaughtException", own);
    expect(listenerCounts()).toEqual(before);
  });
});

describe("Tokenizer options", () => {
  it("keeps accents and case when tokenizer_config.json says so", async () => {
    const keeping = await tokenizerOf(albertSpiece(), { keep_accents: true });
    // transformers' own unit test: the é stays, and is unknown.
    expect(inner("this is falsé.", keeping)).toEqual([48, 25, 8256, 18, 1, 9]);
    const cased = await tokenizerOf(albertSpiece(), { do_lower_case: false });
    expect(inner("tEST", cased)).toEqual([13, 38, 1]);
  });

  it("keeps its ids when long runs of unknown characters are shortened in that mode", async () => {
    const keeping = await tokenizerOf(albertSpiece(), { keep_accents: true, do_lower_case: false });
    expect(inner("ＡＢｃ".repeat(30), keeping)).toEqual(inner("ABc".repeat(30), keeping));
    expect(inner("ｃａｔ".repeat(30), keeping)).toEqual(inner("cat".repeat(30), keeping));
  });

  it("takes the length of tokenizer_config.json, also transformers' word for none", async () => {
    const text = "one ".repeat(600);
    for (const [model_max_length, count] of [
      [3, 3],
      [128, 128],
      [1e30, 602],
    ] as const) {
      const loaded = await tokenizerOf(albertSpiece(), { model_max_length });
      expect(loaded.encode(text)).toHaveLength(count);
    }
  });

  it.each<[string, object | string, RegExp]>([
    ["a length without room", { model_max_length: 2 }, /model_max_length must be a number of at/],
    ["a length that is none", { model_max_length: "512" }, /model_max_length must .* got "512"/],
    [
      "a flag that is no boolean",
      { do_lower_case: "yes" },
      /do_lower_case must be true or false; got "yes"/,
    ],
    ["other special tokens", { cls_token: "<s>" }, /cls_token must be "\[CLS\]"; got "<s>"/],
    [
      "other special tokens as objects",
      { pad_token: { content: "[PAD]" } },
      /pad_token must be "<pad>"/,
    ],
    ["JSON that is no object", "[]", /must be a JSON object/],
    ["text that is no JSON", "do_lower_case", /tokenizer_config\.json: must hold JSON/],
  ])("refuses %s", async (_, config, message) => {
    const load = tokenizerOf(albertSpiece(), config);
    await expect(load).rejects.toThrow(FileError);
    await expect(load).rejects.toThrow(message);
  });
});

describe("Tokenizer with another vocabulary", () => {
  const rows: PieceRow[] = [
    ["a", -2],
    ["<unk>", 0, 2],
    ["[SEP]", 0, 3],
    ["▁", -3],
    ["[CLS]", 0, 3],
    ["b", -2],
    ["▁ab", -1],
    ["<pad>", 0, 3],
    ["1", -4],
    [",", -4],
    ["▁1,", -1],
    ["[MASK]", 0, 4],
    ["한", -2],
    ["σ", -2],
    ["ς", -2],
    ["i", -2],
  ];

  it("takes the special ids from the model", async () => {
    const tokenizer = await tokenizerOf(spieceBytes(rows));
    expect(tokenizer.vocabSize).toBe(16);
    expect([
      tokenizer.padId,
      tokenizer.unkId,
      tokenizer.clsId,
      tokenizer.sepId,
      tokenizer.maskId,
    ]).toEqual(
      [7, 1, 4, 2, 11], // prettier-ignore
    );
    expect(tokenizer.encode("AB ba [MASK]")).toEqual([4, 6, 3, 5, 0, 11, 2]);
    expect(tokenizer.encode("x")).toEqual([4, 3, 1, 2]);
  });

  it("scores an unknown character below pieces of a number and its comma, as the tokenizers library does", async () => {
    const pieces: PieceRow[] = [["▁", -3], ["§b", -30], ["bcd", -2], ["c", -30], ["d", -30]]; // prettier-ignore
    const tokenizer = await tokenizerOf(spieceBytes([...SPECIAL_ROWS, ...pieces, ["▁1,", -4]]));
    expect(inner("§bcd", tokenizer)).toEqual([5, 6, 8, 9]); // tokenizers 0.23.3
    const without = await tokenizerOf(spieceBytes([...SPECIAL_ROWS, ...pieces]));
    expect(inner("§bcd", without)).toEqual([5, 1, 7]);
  });

  it("loads a model that tests itself on a piece of a number and its comma", async () => {
    const sample = [block(1, Buffer.from("1,")), block(2, Buffer.from("▁1,"))];
    const selfTest = block(4, block(1, Buffer.concat(sample)));
    const pieces: PieceRow[] = [["▁", -3], ["1", -2], [",", -2], ["▁1,", -4]]; // prettier-ignore
    const tokenizer = await tokenizerOf(spieceBytes([...SPECIAL_ROWS, ...pieces], selfTest));
    expect(inner("1,", tokenizer)).toEqual([5, 6, 7]);
  });

  it("never uses a piece of a number and its comma", async () => {
    expect(inner("1,", await tokenizerOf(spieceBytes(rows)))).toEqual([3, 8, 9]);
  });

  it("lower-cases each character by itself, so that a final sigma is like any other", async () => {
    const tokenizer = await tokenizerOf(spieceBytes(rows));
    expect(inner("AΣ AΣA", tokenizer)).toEqual([3, 0, 13, 3, 0, 13, 0]);
    expect(inner("Aς İ", tokenizer)).toEqual([3, 0, 14, 3, 15]);
  });

  it("shortens only runs of characters that this vocabulary does not know", async () => {
    // Without normalisation rules, and with accents kept, Hangul reaches the model as it is.
    const tokenizer = await tokenizerOf(spieceBytes(rows), { keep_accents: true });
    expect(inner("한".repeat(100), tokenizer)).toEqual([3, ...Array<number>(100).fill(12)]);
    expect(inner("글".repeat(100_000), tokenizer)).toEqual([3, 1]);
    expect(inner(`a${"글".repeat(100)}한${"字".repeat(100)}`, tokenizer)).toEqual([3, 0, 1, 12, 1]);
  });

  it.each(SPECIAL_ROWS.map(([text]) => text))(
    "refuses a model without %s by name",
    async (missing) => {
      const rest: PieceRow[] = rows.filter(([text]) => text !== missing);
      // A model must have one piece of type unknown, whatever its name.
      if (missing === "<unk>") rest.push(["<unknown>", 0, 2]);
      const load = tokenizerOf(spieceBytes(rest));
      await expect(load).rejects.toThrow(FileError);
      await expect(load).rejects.toThrow(`must have the piece ${missing}`);
    },
  );

  it("refuses a model whose unknown piece has another name", async () => {
    const odd = rows.map((row): PieceRow => (row[0] === "<unk>" ? ["<unk>"] : row));
    await expect(tokenizerOf(spieceBytes([...odd, ["?", 0, 2]]))).rejects.toThrow(
      /unknown piece must be <unk>; got \?/,
    );
  });
});
