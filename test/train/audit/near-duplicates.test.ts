import { describe, expect, it } from "vitest";
import { Random } from "../../../engine/random.ts";
import { DuplicateFinder } from "../../../train/audit/near-duplicates.ts";
import { UnionFind } from "../../../train/audit/union-find.ts";

async function groups(texts: readonly string[]) {
  const finder = new DuplicateFinder();
  for (const text of texts) finder.add(text);
  return finder.groups();
}

/** Jaccard similarity of the sets of runs of `size` words, by the definition. */
function similarity(a: string[], b: string[], size: number): number {
  const shingles = (words: string[]): Set<string> =>
    new Set(words.slice(size - 1).map((_, i) => words.slice(i, i + size).join(" ")));
  const [x, y] = [shingles(a), shingles(b)];
  const both = [...x].filter((shingle) => y.has(shingle)).length;
  return both / (x.size + y.size - both);
}

describe("near-duplicates", () => {
  it.each([
    [40, 3],
    [300, 5],
  ])(
    "are the pairs above the threshold, and no others (%i words, runs of %i)",
    async (words, size) => {
      const random = new Random(words);
      const pairs = Array.from({ length: 120 }, (): [string[], string[]] => {
        const one = Array.from({ length: words }, () => `w${random.int(100_000)}`);
        const share = random.uniform() * 0.08;
        return [one, one.map((word) => (random.uniform() < share ? `x${random.int(1e6)}` : word))];
      });
      const { near, shingleWords } = await groups(pairs.flat().map((text) => text.join(" ")));
      expect(shingleWords).toBe(size);
      const want = pairs.map(([a, b]) => similarity(a, b, size) >= 0.8);
      expect(pairs.map((_, i) => near[2 * i] === near[2 * i + 1])).toEqual(want);
      expect(want.filter(Boolean).length).toBeGreaterThan(20);
      expect(want.filter((isNear) => !isNear).length).toBeGreaterThan(20);
    },
  );

  it("hang together through others, in whatever order they come", async () => {
    const random = new Random(9);
    const chain = [Array.from({ length: 60 }, () => `w${random.int(100_000)}`)];
    for (let i = 0; i < 8; i++) {
      const last = chain.at(-1) ?? [];
      chain.push([...last.slice(4), ...last.slice(0, 4).map(() => `w${random.int(100_000)}`)]);
    }
    expect(similarity(chain[0] ?? [], chain[8] ?? [], 3)).toBeLessThan(0.5);
    const texts = [...chain.map((words) => words.join(" ")), "something else altogether here"];
    const order = random.shuffle(texts.map((_, i) => i));
    const { near } = await groups(order.map((i) => texts[i] ?? ""));
    const of = (i: number): number => near[order.indexOf(i)] ?? -1;
    expect(new Set(chain.map((_, i) => of(i))).size).toBe(1);
    expect(of(texts.length - 1)).not.toBe(of(0));
  });

  // Words of few kinds in a template, so that pairs lie on both sides of the threshold, close to it, and meet by chance.
  it.each([1, 2, 3])(
    "are all that the definition has, of texts of templates, draw %i",
    async (seed) => {
      const random = new Random(seed);
      const templates = Array.from({ length: 3 }, (_, t) =>
        Array.from({ length: 12 + 8 * t }, () => `w${random.int(40)}`),
      );
      const texts = Array.from({ length: 400 }, () => {
        const template = templates[random.int(3)]!;
        const share = random.uniform() * 0.3;
        const words = template.map((word) =>
          random.uniform() < share ? `x${random.int(random.int(2) === 0 ? 6 : 5000)}` : word,
        );
        return words.slice(0, words.length - random.int(4));
      });
      const { near } = await groups(texts.map((words) => words.join(" ")));
      const want = new UnionFind(texts.length);
      let pairs = 0;
      texts.forEach((a, i) => {
        for (let j = 0; j < i; j++) {
          if (similarity(a, texts[j]!, 3) < 0.8) continue;
          want.join(i, j);
          pairs++;
        }
      });
      expect([...near]).toEqual(texts.map((_, i) => want.find(i)));
      expect(pairs).toBeGreaterThan(200);
      expect(new Set(near).size).toBeGreaterThan(100);
    },
  );

  it("are found soon among texts that a machine wrote, alike in all but two words", async () => {
    const texts = Array.from(
      { length: 10_000 },
      (_, i) =>
        `Dear customer your order ${i} has been shipped on Monday and will arrive at your home within three to five working days please keep this reference ${(i * 7919) % 1_000_003} thanks`,
    );
    const start = performance.now();
    const { near } = await groups(texts);
    expect(new Set(near).size).toBe(texts.length);
    expect(performance.now() - start).toBeLessThan(10_000); // every pair compared took minutes
  });

  it("fold case, punctuation and white space, keep order, and leave wordless texts alone", async () => {
    const texts = ["It’s  “War”", "it s war", "WAR: it's", "…", "…", "", "", "It’s  “War”"];
    const { exact, folded, near } = await groups(texts);
    expect([...exact]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
    expect([...folded]).toEqual([0, 0, 2, 3, 4, 5, 6, 0]);
    expect([...near]).toEqual([...folded]);
  });

  it("of a text shorter than a run of words are those with all the same words", async () => {
    const { near } = await groups(["yes no", "Yes, no!", "yes", "no yes", "yes no maybe"]);
    expect([...near]).toEqual([0, 0, 2, 3, 4]);
  });
});

describe("disjoint sets", () => {
  it("are named by their smallest member, however they were joined", () => {
    const sets = new UnionFind(7);
    for (const [a, b] of [
      [5, 6],
      [6, 3],
      [1, 0],
      [3, 1],
    ] as const)
      sets.join(a, b);
    expect([0, 1, 2, 3, 4, 5, 6].map((i) => sets.find(i))).toEqual([0, 0, 2, 0, 4, 0, 0]);
  });
});
