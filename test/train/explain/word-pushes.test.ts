import { describe, expect, it } from "vitest";
import { WordPushes } from "../../../train/explain/word-pushes.ts";

const text = (classId: number, ...words: [string, number][]) => ({
  classId,
  words: words.map(([text, attribution]) => ({ text, start: 0, end: text.length, attribution })),
});

describe("the words that push a class", () => {
  it("are told apart by punctuation, not by case, and named as most often spelt", () => {
    const pushes = new WordPushes({ K: 2, foldCase: true });
    pushes.add(text(1, ["(REUTERS)", 1], ["Reuters", 0.5], ["(Reuters)", 2], ["said", -1]));
    pushes.add(text(1, ["(Reuters)", 3], ["said", 0.25]));
    expect(pushes.towards(1, 1)).toEqual([
      { word: "(Reuters)", texts: 2, count: 3, total: 6, mean: 2 },
      { word: "Reuters", texts: 1, count: 1, total: 0.5, mean: 0.5 },
    ]);
    expect(pushes.towards(1, 2).map(({ word }) => word)).toEqual(["(Reuters)"]);
    // With two classes, what pushes away from one pushes to the other.
    expect(pushes.towards(0, 1)).toEqual([
      { word: "said", texts: 2, count: 2, total: 0.75, mean: 0.375 },
    ]);
  });

  it("are told apart by case for a tokeniser that keeps it", () => {
    const pushes = new WordPushes({ K: 2, foldCase: false });
    pushes.add(text(0, ["US", 2], ["us", 1]));
    expect(pushes.towards(0, 1).map(({ word }) => word)).toEqual(["US", "us"]);
  });

  it("of more than two classes come from the texts explained for each", () => {
    const pushes = new WordPushes({ K: 3, foldCase: true });
    pushes.add(text(0, ["goal", 2]));
    pushes.add(text(2, ["goal", -3], ["vote", 1]));
    expect(pushes.towards(0, 1).map(({ word }) => word)).toEqual(["goal"]);
    expect(pushes.towards(1, 1)).toEqual([]);
    expect(pushes.towards(2, 1).map(({ word }) => word)).toEqual(["vote"]);
  });
});
