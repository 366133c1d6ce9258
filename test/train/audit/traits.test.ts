import { expect, it } from "vitest";
import { TRAITS } from "../../../train/audit/traits.ts";

// A genome is one word of capitals; V8's regular expressions once had no room for 9 million of them.
const LONG = 9_000_000;

it.each(TRAITS)("is asked of cells of millions of characters: $description", ({ pattern }) => {
  for (const cell of ["ACGT".repeat(LONG / 4), " ".repeat(LONG), "! ".repeat(LONG / 2)]) {
    expect(pattern.test(cell)).toBeTypeOf("boolean");
  }
});

it("takes no word of more than 64 capitals for one that is shouted", () => {
  const { pattern } = TRAITS.find(({ description }) => description.includes("ALL-CAPS"))!;
  const words = [3, 4, 64, 65].map((letters) => `so ${"Q".repeat(letters)}!`);
  expect(words.map((word) => pattern.test(word))).toEqual([false, true, true, false]);
});
