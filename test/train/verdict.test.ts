import { describe, expect, it } from "vitest";
import { Tokenizer } from "../../model/index.ts";
import { encodeText, verdictsOf } from "../../train/verdict.ts";
import { items, SPIECE } from "../cli/news.ts";

const tokenizer = await Tokenizer.load(SPIECE);

describe("a text", () => {
  const texts = [
    "",
    "Senate",
    ...items(0, 40).map(({ title, text }) => `${title} ${text}`),
    "zz".repeat(400),
    "😀".repeat(300),
    "a [MASK] b ".repeat(50),
    "x\u0301y ".repeat(300),
  ];

  it("becomes the tokeniser's own ids, and is known to be cut exactly when it is", () => {
    for (const text of texts) {
      const whole = tokenizer.encode(text, Infinity);
      for (const maxLength of [3, 7, 32, 64, whole.length, whole.length + 1]) {
        if (maxLength < 3) continue;
        const { ids, truncated } = encodeText(tokenizer, text, maxLength);
        expect(ids, text).toEqual(tokenizer.encode(text, maxLength));
        expect(truncated).toBe(whole.length > maxLength);
      }
    }
  });
});

describe("verdicts", () => {
  it("name the best class of each row, and are about one text each", () => {
    const logits = Float32Array.of(0, Math.log(3), 2, 2);
    const texts = [
      { ids: [2, 9, 3], truncated: false },
      { ids: [2, 9, 9, 3], truncated: true },
    ];
    const [first, second] = verdictsOf(logits, ["fake", "real"], texts);
    expect(first).toMatchObject({ label: "real", tokens: 3, truncated: false });
    expect(first!.score).toBeCloseTo(0.75, 6);
    expect(first!.probabilities["fake"]).toBeCloseTo(0.25, 6);
    expect(second).toEqual({
      label: "fake",
      score: 0.5,
      probabilities: { fake: 0.5, real: 0.5 },
      tokens: 4,
      truncated: true,
    });
  });
});
