import { describe, expect, it } from "vitest";
import { quickWarnings } from "../../../train/audit/quick.ts";
import { stories } from "./news.ts";

const NAMES = ["fake", "real"];
const examples = (count: number, seed: number, edit = (text: string, _label: number) => text) =>
  stories(count, seed).map(({ text = "", label }) => {
    const id = label === "a" ? 0 : 1;
    return { text: edit(text, id), label: id };
  });

describe("the audit before training", () => {
  it("says nothing of clean sets", async () => {
    const sets = [
      { name: "train", examples: examples(300, 1) },
      { name: "validation", examples: examples(60, 2) },
      { name: "test", examples: [] },
    ];
    expect(await quickWarnings(sets, NAMES)).toEqual([]);
  });

  it("says how many texts stand in two sets, blank ones aside", async () => {
    const train = [...examples(300, 1), { text: " ", label: 0 }];
    const test = [...examples(57, 3), ...train.slice(10, 12), { text: " ", label: 1 }];
    const sets = [
      { name: "train", examples: train },
      { name: "validation", examples: examples(60, 2) },
      { name: "test", examples: test },
    ];
    expect(await quickWarnings(sets, NAMES)).toEqual([
      "2 of the test rows (3.3 %) stand in train too",
      "1 of the train rows have an empty text",
      "1 of the test rows have an empty text",
    ]);
  });

  it("says which classes got no training row", async () => {
    const sets = [
      { name: "train", examples: examples(300, 1) },
      { name: "test", examples: [{ text: "a rare thing", label: 2 }] },
    ];
    expect(await quickWarnings(sets, [...NAMES, "rare", "named"])).toEqual([
      "train has no row of rare, named: a model cannot learn what it never sees",
    ]);
  });

  it("of a class is cut to ten names", async () => {
    const names = [...NAMES, ...Array.from({ length: 600 }, (_, i) => `c${i}`)];
    expect(await quickWarnings([{ name: "train", examples: examples(300, 1) }], names)).toEqual([
      "train has no row of c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 590 more: a model cannot learn what it never sees",
    ]);
  });

  it("is as quick for a thousand classes, of which none can be told so well as to warn", async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    const train = Array.from({ length: 5000 }, (_, i) => ({
      text: `the word${i % 1000} tells class ${i % 1000} alone`,
      label: i % 1000,
    }));
    const started = performance.now();
    expect(await quickWarnings([{ name: "train", examples: train }], names)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(10_000); // a minute when every class was looked at
  });

  it("finds the word that tells two large classes among hundreds of rare ones", async () => {
    const names = ["fake", ...Array.from({ length: 300 }, (_, i) => `c${i}`), "real"];
    const large = examples(900, 1, (text, label) => (label === 1 ? `(Wire) ${text}` : text));
    const train = [
      ...large.map(({ text, label }) => ({ text, label: label === 1 ? 301 : 0 })),
      ...names.slice(1, -1).map((_, i) => ({ text: `rare thing ${i}`, label: i + 1 })),
    ];
    const [warning] = await quickWarnings([{ name: "train", examples: train }], names);
    expect(warning).toBe(
      'text has "(Wire)": this alone classifies 75.0 % of the rows (real where it holds, in 450 rows; else fake)',
    );
  });

  it("says which single word and which blank tell the class", async () => {
    const train = examples(300, 1, (text, label) => (label === 1 ? `${text} (Wire) x ` : text));
    const warnings = await quickWarnings([{ name: "train", examples: train }], NAMES);
    expect(warnings).toContain(
      "text ends with a blank: this alone classifies 100.0 % of the rows (real where it holds, in 150 rows; else fake)",
    );
    expect(warnings.some((warning) => /^text has "(x|\(Wire\))": this alone/.test(warning))).toBe(
      true,
    );
    expect(warnings.length).toBeLessThanOrEqual(3);
  });
});
