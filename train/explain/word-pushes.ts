// What a model learnt, by word: over many texts, how far each word pushed each class.

import type { Explanation } from "./explain.ts";

/** A word's attributions towards a class, over all texts. */
export interface WordPush {
  /** The spelling seen most often. */
  readonly word: string;
  /** Texts it stands in. */
  readonly texts: number;
  readonly count: number;
  /** Of all its attributions, in logits. */
  readonly total: number;
  /** total / count. */
  readonly mean: number;
}

interface Tally {
  readonly spellings: Map<string, number>;
  texts: number;
  count: number;
  total: number;
}

/** How words are told apart. */
export interface WordPushOptions {
  /** Number of classes. */
  readonly K: number;
  /** Whether words that differ in case alone are one, as they are for a tokeniser that lower-cases. */
  readonly foldCase: boolean;
}

/**
 * Adds up explanations. Words are the runs between blanks with their punctuation, so that "(Reuters)" and "Reuters" are two.
 * With two classes what pushes one pushes the other away as much; with more, a class's list has the texts explained for it.
 */
export class WordPushes {
  /** By class, by folded word. */
  readonly #tallies: readonly Map<string, Tally>[];
  readonly #foldCase: boolean;

  constructor({ K, foldCase }: WordPushOptions) {
    this.#tallies = Array.from({ length: K }, () => new Map<string, Tally>());
    this.#foldCase = foldCase;
  }

  /** Adds one text. */
  add({ words, classId }: Pick<Explanation, "words" | "classId">): void {
    this.#addTo(this.#tallies[classId]!, words, 1);
    if (this.#tallies.length === 2) this.#addTo(this.#tallies[1 - classId]!, words, -1);
  }

  /** The words that push a class most in all, of those in at least `leastTexts` texts; each push is above 0. */
  towards(classId: number, leastTexts: number): WordPush[] {
    const pushes = [...this.#tallies[classId]!.values()]
      .filter(({ texts, total }) => texts >= leastTexts && total > 0)
      .map(({ spellings, ...sums }) => ({
        word: mostFrequent(spellings),
        ...sums,
        mean: sums.total / sums.count,
      }));
    return pushes.sort((a, b) => b.total - a.total || (a.word < b.word ? -1 : 1));
  }

  #addTo(tallies: Map<string, Tally>, words: Explanation["words"], sign: 1 | -1): void {
    const seen = new Set<string>();
    for (const { text, attribution } of words) {
      const key = this.#foldCase ? text.toLowerCase() : text;
      let tally = tallies.get(key);
      if (!tally)
        tallies.set(key, (tally = { spellings: new Map(), texts: 0, count: 0, total: 0 }));
      tally.spellings.set(text, (tally.spellings.get(text) ?? 0) + 1);
      tally.count++;
      tally.total += sign * attribution;
      if (!seen.has(key)) tally.texts++;
      seen.add(key);
    }
  }
}

/** The first one of equals. */
function mostFrequent(counts: ReadonlyMap<string, number>): string {
  let [best, most] = ["", 0];
  for (const [text, count] of counts) if (count > most) [best, most] = [text, count];
  return best;
}
