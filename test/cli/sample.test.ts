// The committed sample set: reproducible, balanced, and without a shortcut that would make its classes trivial.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CUES, PEOPLE, PLACES } from "../../cli/sample/phrases.ts";
import { sampleItems, toCsv } from "../../cli/sample/items.ts";
import { Tokenizer } from "../../model/tokenizer.ts";

const ITEMS = 1_500;
const SEED = 2_026;
const LIMIT = 0.75;

const folder = new URL("../../cli/sample/", import.meta.url);
const items = sampleItems(ITEMS, SEED);
const texts = items.map(({ title, text }) => `${title} ${text}`);
const isReal = items.map(({ label }) => label === "real");

/** Accuracy of the best rule "real above (or below) some threshold" on one number per item. */
function bestThreshold(values: readonly number[]): number {
  const order = values.map((_, i) => i).sort((a, b) => at(values, a) - at(values, b));
  const reals = isReal.filter(Boolean).length;
  let realsBelow = 0;
  let best = 0;
  order.forEach((item, rank) => {
    if (isReal[item]) realsBelow++;
    const next = order[rank + 1];
    if (next !== undefined && at(values, next) === at(values, item)) return;
    const accuracy = (rank + 1 - realsBelow + reals - realsBelow) / values.length;
    best = Math.max(best, accuracy, 1 - accuracy);
  });
  return best;
}

/** The best single n-gram of case-folded words and the accuracy of its presence as a rule. */
function bestNgram(n: number): { ngram: string; accuracy: number } {
  const counts = new Map<string, { fake: number; real: number }>();
  texts.forEach((text, i) => {
    const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const ngrams = new Set(words.slice(n - 1).map((_, k) => words.slice(k, k + n).join(" ")));
    for (const ngram of ngrams) {
      const count = counts.get(ngram) ?? { fake: 0, real: 0 };
      count[isReal[i] ? "real" : "fake"]++;
      counts.set(ngram, count);
    }
  });
  let best = { ngram: "", accuracy: 0 };
  for (const [ngram, { fake, real }] of counts) {
    const accuracy = 0.5 + Math.abs(real - fake) / ITEMS;
    if (accuracy > best.accuracy) best = { ngram, accuracy };
  }
  return best;
}

function at(values: readonly number[], i: number): number {
  return values[i] ?? Number.NaN;
}

function countOf(pattern: RegExp): number[] {
  return texts.map((text) => text.match(pattern)?.length ?? 0);
}

describe("the sample set", () => {
  it("is byte for byte what the generator writes", () => {
    expect(toCsv(items)).toBe(readFileSync(new URL("news.csv", folder), "utf8"));
  });

  it("differs for another seed", () => {
    expect(toCsv(sampleItems(ITEMS, SEED + 1))).not.toBe(toCsv(items));
  });

  it("has as many real as fake items, and both among the first twenty", () => {
    expect(isReal.filter(Boolean)).toHaveLength(ITEMS / 2);
    expect(new Set(isReal.slice(0, 20)).size).toBe(2);
  });

  it("repeats no title and no text", () => {
    expect(new Set(items.map(({ title }) => title)).size).toBe(ITEMS);
    expect(new Set(items.map(({ text }) => text)).size).toBe(ITEMS);
  });

  it("leaves no placeholder unfilled and no stray blank", () => {
    for (const text of texts) expect(text).not.toMatch(/[{}]|\s\s|^\s|\s$/);
  });

  it.each([1, 2, 3])("has no give-away among its runs of %i words", (n) => {
    const { ngram, accuracy } = bestNgram(n);
    expect(accuracy, ngram).toBeLessThanOrEqual(LIMIT);
    expect(accuracy).toBeGreaterThan(0.5);
  });

  it.each([
    ["characters of the title", items.map(({ title }) => title.length)],
    ["characters of the text", items.map(({ text }) => text.length)],
    ["words", countOf(/\S+/g)],
    ["letters per word", texts.map((text) => text.length / text.split(" ").length)],
    ["capital letters", countOf(/\p{Lu}/gu)],
    ["digits", countOf(/\d/g)],
    ["blanks", countOf(/\s/g)],
    ["sentences", countOf(/[.!?]/g)],
    ...[",", ".", "!", "?", '"', "-", ":"].map((mark): [string, number[]] => [
      `marks ${mark}`,
      texts.map((t) => t.split(mark).length - 1),
    ]),
  ])("has no shortcut in the number of %s", (_, values) => {
    expect(bestThreshold(values)).toBeLessThanOrEqual(LIMIT);
  });

  it("would be given away by a cue that always followed its class, so the checks above can fail", () => {
    expect(bestThreshold(isReal.map(Number))).toBe(1);
    expect(bestThreshold(isReal.map((real, i) => (i % 10 === 0 ? 0.5 : Number(real))))).toBeCloseTo(
      0.95,
      1,
    );
  });

  it("offers as many careful as loose phrases for every cue, and none on both sides", () => {
    for (const { careful, loose } of Object.values(CUES)) {
      expect(careful).toHaveLength(loose.length);
      expect(new Set<string>([...careful, ...loose]).size).toBe(careful.length + loose.length);
    }
  });

  it("does not hold the two items that npm start predicts", () => {
    const lines = readFileSync(new URL("headlines.txt", folder), "utf8").trim().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(texts).not.toContain(line);
      expect(PLACES.some((place) => line.includes(place))).toBe(true);
      expect(PEOPLE.some((person) => line.includes(person))).toBe(true);
    }
  });
});

describe("the sample's SentencePiece model", () => {
  const model = fileURLToPath(new URL("spiece.model", folder));

  it("has the special pieces where ALBERT has them", async () => {
    const tokenizer = await Tokenizer.load(model);
    const { padId, unkId, clsId, sepId, maskId } = tokenizer;
    expect([padId, unkId, clsId, sepId, maskId]).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.vocabSize).toBe(1_900);
  });

  it("knows every piece of the set and of an everyday sentence that is not in it", async () => {
    const tokenizer = await Tokenizer.load(model);
    const sentence =
      'Nobody (really) expected 1,250 "blue" zebras & quick foxes at 9:30, did they?';
    for (const text of [...texts, sentence]) {
      expect(tokenizer.encode(text), text).not.toContain(tokenizer.unkId);
    }
  });

  it("needs at most 128 pieces for nearly every item", async () => {
    const tokenizer = await Tokenizer.load(model);
    const longer = texts.filter((text) => tokenizer.encode(text).length > 128);
    expect(longer.length).toBeLessThan(ITEMS / 100);
  });
});
