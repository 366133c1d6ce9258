import { describe, expect, it } from "vitest";
import { digest, foldedDigest, Scanner, type Spans } from "../../../train/audit/scan.ts";

const texts = ({ count, starts, ends }: Spans, text: string): string[] =>
  Array.from({ length: count }, (_, i) => text.slice(starts[i], ends[i]));

describe("the scanner", () => {
  it("finds tokens as written and words without punctuation", () => {
    const text = "  WASHINGTON (Reuters) - It’s\u00a05,000 naïve\tdéjà-vu\n日本 😀! ";
    const scanner = new Scanner();
    scanner.scan(text);
    expect(texts(scanner.tokens, text)).toEqual(text.trim().split(/\s+/));
    expect(texts(scanner.words, text)).toEqual(
      "WASHINGTON Reuters It s 5 000 naïve déjà vu 日本 😀".split(" "),
    );
    scanner.scan("");
    expect([scanner.tokens.count, scanner.words.count]).toEqual([0, 0]);
  });

  it("grows with the text, and hashes by content alone", () => {
    const scanner = new Scanner();
    const words = Array.from({ length: 5000 }, (_, i) => `W${i % 2500}`);
    scanner.scan(words.join("  "));
    const { hashes, count } = scanner.words;
    expect(count).toBe(5000);
    expect(new Set(hashes.subarray(0, count)).size).toBe(2500);
    expect(hashes[2500]).toBe(hashes[0]);
    const upper = hashes[7];
    scanner.scan("w7");
    expect(scanner.words.hashes[0]).toBe(upper);
    expect(scanner.tokens.hashes[0]).toBe(upper);
    scanner.scan("W7");
    expect(scanner.words.hashes[0]).toBe(upper);
    expect(scanner.tokens.hashes[0]).not.toBe(upper);
  });
});

describe("a digest", () => {
  it("differs for texts that differ, and not for copies", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `text ${i}`);
    expect(new Set(many.map(digest)).size).toBe(many.length);
    expect(digest("ab")).not.toBe(digest("ba"));
    expect(digest("a b")).toBe(digest(["a", "b"].join(" ")));
  });

  it("of words sees neither case nor punctuation, but order", () => {
    expect(foldedDigest("A, b!")).toBe(foldedDigest("a  B"));
    expect(foldedDigest("a b")).not.toBe(foldedDigest("b a"));
    expect(foldedDigest(" ?! ")).toBeUndefined();
  });
});
