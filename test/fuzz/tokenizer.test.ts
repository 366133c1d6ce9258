import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tokenizer } from "../../model/index.ts";
import { RUNS, survives } from "./runs.ts";

const tokenizer = await Tokenizer.load(
  fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url)),
);

const piece = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "[CLS]",
    "[MASK]",
    "<pad>",
    "\ud83d",
    "\udc00",
    "\u0301",
    "``",
    "''",
    "İ",
    "Σ",
    "\u2581",
    "9,",
    "\0",
  ),
  fc
    .tuple(fc.constantFrom("a", "_", "😀", "漢", "\u0301", " ", "'"), fc.nat(5000))
    .map(([text, n]) => text.repeat(n)),
);
const text = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(""));

describe("the tokeniser, on generated texts", () => {
  it("gives [CLS] … [SEP] within the length and the vocabulary, in bounded time and the same every time", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 3, max: 600 }), async (input, maxLength) => {
        const ids = (await survives(() => tokenizer.encode(input, maxLength), []))!;
        expect(ids.length).toBeGreaterThanOrEqual(2);
        expect(ids.length).toBeLessThanOrEqual(maxLength);
        expect(ids[0]).toBe(tokenizer.clsId);
        expect(ids.at(-1)).toBe(tokenizer.sepId);
        expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize)).toBe(
          true,
        );
        expect(tokenizer.encode(input, maxLength)).toEqual(ids);
      }),
      { numRuns: RUNS },
    );
  });

  it("truncates to a prefix of the untruncated ids", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 3, max: 100 }), async (input, maxLength) => {
        const whole = tokenizer.encode(input, Infinity);
        const ids = tokenizer.encode(input, maxLength);
        expect(ids.slice(0, -1)).toEqual(whole.slice(0, -1).slice(0, ids.length - 1));
      }),
      { numRuns: RUNS },
    );
  });

  it("gives a word the ids that it has in its text", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (input) => {
        const found = await survives(() => tokenizer.encodeWords(input, Infinity), []);
        const { ids, words, truncated } = found!;
        expect(truncated).toBe(false);
        expect(words.flatMap(({ from, to }) => ids.slice(from, to))).toEqual(ids.slice(1, -1));
        for (const { start, end, from, to } of words) {
          const alone = tokenizer.encode(input.slice(start, end), Infinity).slice(1, -1);
          expect(alone).toEqual(ids.slice(from, to));
        }
      }),
      { numRuns: RUNS },
    );
  });
});
