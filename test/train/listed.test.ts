import { describe, expect, it } from "vitest";
import { listed, listedCounts } from "../../train/listed.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);

describe("names in a sentence", () => {
  it("are all there up to ten, and of more the first ten", () => {
    expect(listed(["fake  news", "real"])).toBe("fake  news, real");
    expect(listed(names(10))).toBe("c0, c1, c2, c3, c4, c5, c6, c7, c8, c9");
    expect(listed(names(600))).toBe("c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 590 more");
  });

  it("are cut at 80 characters, none in half", () => {
    expect(listed(["x".repeat(80), "y".repeat(5000)])).toBe(
      `${"x".repeat(80)}, ${"y".repeat(79)}…`,
    );
    expect(listed(["😀".repeat(100)])).toBe(`${"😀".repeat(79)}…`);
  });

  it("stand with their counts in order, and of more than ten the largest first", () => {
    expect(listedCounts(names(3), [1, 20, 3])).toBe("c0 1, c1 20, c2 3");
    const counts = names(12).map((_, i) => 1000 * i);
    expect(listedCounts(names(12), counts, (n) => n.toLocaleString("en"))).toBe(
      "c11 11,000, c10 10,000, c9 9,000, c8 8,000, c7 7,000, c6 6,000, c5 5,000, c4 4,000, c3 3,000, c2 2,000 and 2 more",
    );
    expect(listedCounts(["z".repeat(100)], [7])).toBe(`${"z".repeat(79)}… 7`);
  });
});
