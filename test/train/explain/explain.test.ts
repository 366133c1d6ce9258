import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { Tokenizer } from "../../../model/index.ts";
import { explain } from "../../../train/explain/explain.ts";
import { openTestGpu } from "../../support/device.ts";
import { tinyConfig, tinyModel } from "../../support/tiny-albert.ts";

const gpu = await openTestGpu();
const tokenizer = await Tokenizer.load(
  fileURLToPath(new URL("../../../cli/sample/spiece.model", import.meta.url)),
);
const model = tinyModel(gpu, tinyConfig({ vocab_size: tokenizer.vocabSize }));
afterAll(() => model.destroy());

const TEXT = "  SENATE passes budget,\tafter “long” débat  (Reuters) ";
const sum = (parts: readonly { attribution: number }[]): number =>
  parts.reduce((total, { attribution }) => total + attribution, 0);

describe("an explanation", () => {
  it("has the words as they stand in the text, whose attributions add up like the tokens'", async () => {
    const found = await explain(gpu, model, tokenizer, TEXT, { maxLength: 64 });
    expect(found.words.map(({ text }) => text)).toEqual([
      "SENATE",
      "passes",
      "budget,",
      "after",
      "“long”",
      "débat",
      "(Reuters)",
    ]);
    for (const { text, start, end } of found.words) expect(TEXT.slice(start, end)).toBe(text);
    expect(found.tokens.map(({ id }) => id)).toEqual(tokenizer.encode(TEXT));
    const pieces = found.tokens.slice(1, -1).map(({ piece }) => piece);
    expect(pieces.join("").replaceAll("▁", " ")).toMatch(/^ senate passes budget, after /);
    expect(found.truncated).toBe(false);
    expect(sum(found.tokens)).toBeCloseTo(found.sum, 10);
    expect(sum(found.words)).toBeCloseTo(found.sum, 10);
    expect(Math.abs(found.sum)).toBeGreaterThan(0.01);
  });

  it("of a text that is cut ends with the last word the model saw, and says so", async () => {
    const found = await explain(gpu, model, tokenizer, TEXT, { maxLength: 6 });
    expect(found.truncated).toBe(true);
    expect(found.tokens).toHaveLength(6);
    const words = found.words.map(({ text }) => text);
    expect(words.length).toBeLessThan(7);
    expect(TEXT.trim().startsWith(words.slice(0, 2).join(" "))).toBe(true);
    expect(sum(found.words)).toBeCloseTo(found.sum, 10);
  });

  it("of a text without words has none, and nothing to explain", async () => {
    const found = await explain(gpu, model, tokenizer, " \n ", { maxLength: 64 });
    expect(found.words).toEqual([]);
    expect([found.sum, found.error, found.complete]).toEqual([0, 0, true]);
  });
});
