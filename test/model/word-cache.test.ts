import { describe, expect, it } from "vitest";
import { isBlank, WordCache } from "../../model/word-cache.ts";

/** The units of a word as its ids, and the words it was asked for. */
function recorded(foldsCase = false) {
  const asked: string[] = [];
  const cache = new WordCache(
    (word) => {
      asked.push(word);
      const known = foldsCase ? word.toLowerCase() : word;
      return Array.from(known, (char) => char.codePointAt(0)!);
    },
    { foldsCase },
  );
  const encode = (text: string, end = Infinity): number[] => {
    const ids: number[] = [];
    cache.encode(text, ids, end);
    return ids;
  };
  return { encode, asked };
}

const codes = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0)!);

describe("isBlank", () => {
  it("is Unicode's White_Space less U+000B", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const want = unit !== 0x0b && /\p{White_Space}/u.test(String.fromCharCode(unit));
      if (isBlank(unit) !== want) expect.fail(`U+${unit.toString(16)} must be ${want}`);
    }
  });
});

describe("WordCache", () => {
  it("asks for each word once, and gives the ids of all in order", () => {
    const { encode, asked } = recorded();
    expect(encode(" a bc\u3000a\tabc ")).toEqual(codes("abcaabc"));
    expect(encode("abc bc")).toEqual(codes("abcbc"));
    expect(asked).toEqual(["a", "bc", "abc"]);
    expect(encode("")).toEqual([]);
    expect(encode(" \n")).toEqual([]);
  });

  it("takes ASCII's capitals for small letters where the encoder does, and no others", () => {
    const folding = recorded(true);
    expect(folding.encode("AB ab É é")).toEqual(codes("ababéé"));
    expect(folding.asked).toEqual(["AB", "É", "é"]);
    const exact = recorded();
    expect(exact.encode("AB ab [ {")).toEqual(codes("ABab[{"));
    expect(exact.asked).toEqual(["AB", "ab", "[", "{"]);
  });

  it("looks at no word behind the end", () => {
    const { encode, asked } = recorded();
    expect(encode("ab cd ef", 3)).toEqual(codes("abcd"));
    expect(asked).toEqual(["ab", "cd"]);
  });

  it("keeps words of up to 64 units, longer ones not", () => {
    const { encode, asked } = recorded();
    const [kept, long] = ["x".repeat(64), "y".repeat(65)];
    for (let i = 0; i < 2; i++)
      expect(encode(`${kept} ${long} ${long}z`)).toEqual(codes(`${kept}${long}${long}z`));
    expect(asked.filter((word) => word === kept)).toHaveLength(1);
    expect(asked.filter((word) => word === long)).toHaveLength(2);
  });

  it("is right when it is full and begins again", () => {
    const { encode, asked } = recorded();
    const word = (i: number): string => `${i}`.padStart(64, "-");
    const N = 20_000; // 130 numbers each: more than its records hold
    for (let i = 0; i < N; i++) encode(word(i));
    for (const i of [0, 1, N - 2, N - 1]) expect(encode(word(i))).toEqual(codes(word(i)));
    expect(asked.length).toBe(N + 2); // of the last four the first two were forgotten
  });

  it("stays right and quick for words made to fall on one another", () => {
    // The hash of a word is 32 bits: by the pigeonhole principle these have a hash in common in groups.
    const { encode, asked } = recorded();
    const same: string[] = [];
    const hash = (word: string): number => {
      let h = 0;
      for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
      return (h ^ (h >>> 15)) & ((1 << 19) - 1);
    };
    const slot = hash("collide");
    for (let i = 0; same.length < 60; i++) {
      const word = String.fromCharCode(0x4e00 + (i % 20_000), 0x4e00 + Math.floor(i / 20_000));
      if (hash(word) === slot) same.push(word);
    }
    for (let round = 0; round < 3; round++)
      for (const word of same) expect(encode(word)).toEqual(codes(word));
    // 32 found a place; the others are asked for each time instead of being looked for ever longer.
    expect(asked.length).toBe(32 + 28 * 3);
  });
});
