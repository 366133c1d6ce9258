import { describe, expect, it } from "vitest";
import { PhraseCounter } from "../../../train/audit/phrases.ts";
import { Scanner } from "../../../train/audit/scan.ts";

const COLUMN = { index: 0, withHead: false };

/** The phrases of one word that stand out in texts of two classes, with the rows that hold them. */
function countedIn(texts: readonly { text: string; label: number }[]): Map<string, number[]> {
  const scanner = new Scanner();
  const counter = new PhraseCounter(scanner, { longest: 1 });
  texts.forEach(({ text, label }, row) => {
    scanner.scan(text);
    counter.count(COLUMN, row, label);
  });
  counter.choose([0, 1].map((k) => texts.filter(({ label }) => label === k).length));
  texts.forEach(({ text, label }, row) => {
    scanner.scan(text);
    const facts = { row, set: "train", record: row + 1, label, labelName: String(label) };
    counter.find(COLUMN, text, facts, 2);
  });
  const words = counter.phrases().filter(({ isExact }) => !isExact);
  return new Map(words.map(({ text, held }) => [text, held]));
}

describe("phrases that tell the class", () => {
  const wired = Array.from({ length: 12 }, () => ({ text: "Reuters", label: 1 }));
  const plain = Array.from({ length: 12 }, () => ({ text: "elsewhere", label: 0 }));

  it("are counted by rows of each class", () => {
    const twice = { text: "reuters REUTERS", label: 1 };
    expect(countedIn([...wired, ...plain, twice]).get("reuters")).toEqual([0, 13]);
  });

  it("leave out a rare word that only shares their slot", () => {
    // "rbeks" has the hash of "reuters" in the bits that make the slot: found by trying.
    const counted = countedIn([...wired, ...plain, { text: "rbeks", label: 1 }]);
    expect(counted.get("reuters")).toEqual([0, 12]);
    expect(counted.has("rbeks")).toBe(false);
  });
});
