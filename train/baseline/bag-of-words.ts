// Texts as bags of words and pairs of neighbouring words, weighted by TF-IDF: scikit-learn's
// TfidfVectorizer(ngram_range=(1, 2), min_df=2) with its other defaults, but for the cap on features.

import { setImmediate } from "node:timers/promises";
import { grown } from "../grown.ts";
import { SparseRows } from "./sparse-rows.ts";

/**
 * scikit-learn's token_pattern: two or more letters, digits or underscores of Python's \w. A million at most: V8 keeps a
 * place for each, and has room for some millions.
 */
const WORD = /[\p{L}\p{N}_]{2,1000000}/gu;
/** Texts a feature must stand in. */
const LEAST_TEXTS = 2;
/** Features at most, those in most texts: enough for any news set, and memory stays bounded. */
const MOST_FEATURES = 200_000;
const TEXTS_PER_TURN = 256;

type Progress = (done: number) => void;

export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

/** The vocabulary of a training set. */
export class BagOfWords {
  /** Every word of the training set, and the number of each: only so that pairs can be numbers. */
  readonly #ids: ReadonlyMap<string, number>;
  readonly #words: readonly string[];
  /** Columns of features, by word number, and by pair. */
  readonly #wordColumns: Int32Array;
  readonly #pairColumns: ReadonlyMap<number, number>;
  readonly #keys: readonly number[];
  readonly #idf: Float64Array;

  private constructor(words: Words, kept: readonly Feature[], texts: number) {
    this.#ids = words.ids;
    this.#words = [...words.ids.keys()];
    this.#wordColumns = new Int32Array(this.#words.length).fill(-1);
    const pairs = new Map<number, number>();
    this.#keys = kept.map(({ key }) => key);
    kept.forEach(({ key }, column) => {
      if (key < this.#words.length) this.#wordColumns[key] = column;
      else pairs.set(key, column);
    });
    this.#pairColumns = pairs;
    this.#idf = Float64Array.from(kept, ({ texts: df }) => Math.log((1 + texts) / (1 + df)) + 1);
  }

  /** Learns the vocabulary of a training set. */
  static async fit(texts: readonly string[], onProgress?: Progress): Promise<BagOfWords> {
    const words = await countWords(texts, onProgress);
    const { ids, tokens, starts } = words;
    const V = ids.size;
    // A pair is in no more texts than its words are: the others need not be counted.
    const isFrequent = (id: number): boolean => words.texts[id]! >= LEAST_TEXTS;
    let pairs = new Float64Array(1024); // those of each text once
    let used = 0;
    for (let text = 0; text < texts.length; text++) {
      const keys = new Set<number>();
      for (let i = starts[text]! + 1; i < starts[text + 1]!; i++) {
        const [a, b] = [tokens[i - 1]!, tokens[i]!];
        if (isFrequent(a) && isFrequent(b)) keys.add(pairKey(a, b, V));
      }
      while (used + keys.size > pairs.length) pairs = grown(pairs);
      for (const key of keys) pairs[used++] = key;
      if (text % TEXTS_PER_TURN === 0) await setImmediate();
    }
    const features: Feature[] = [];
    words.texts.forEach((n, key) => {
      if (n >= LEAST_TEXTS) features.push({ key, texts: n });
    });
    for (const feature of counted(pairs.subarray(0, used).sort())) {
      if (feature.texts >= LEAST_TEXTS) features.push(feature);
    }
    // In most texts first: it is the cap that needs an order.
    features.sort((a, b) => b.texts - a.texts || a.key - b.key);
    features.length = Math.min(features.length, MOST_FEATURES);
    return new BagOfWords(words, features, texts.length);
  }

  /** Number of features. */
  get features(): number {
    return this.#keys.length;
  }

  /** A feature as people read it: a word, or two with a blank between them. */
  name(column: number): string {
    const key = this.#keys[column]!;
    const V = this.#words.length;
    if (key < V) return this.#words[key]!;
    return `${this.#words[Math.floor(key / V) - 1]!} ${this.#words[key % V]!}`;
  }

  /** Rows of length 1 (Euclid's), one a text; features the training set lacks are left out. */
  async transform(texts: readonly string[], onProgress?: Progress): Promise<SparseRows> {
    const rows = new SparseRows();
    for (const text of texts) {
      const all = this.#columns(text);
      const columns: number[] = [];
      const values: number[] = [];
      let squares = 0;
      for (let from = 0, to = 0; from < all.length; from = to) {
        while (to < all.length && all[to] === all[from]) to++;
        const value = (to - from) * this.#idf[all[from]!]!;
        columns.push(all[from]!);
        values.push(value);
        squares += value * value;
      }
      const length = Math.sqrt(squares);
      rows.push(
        columns,
        values.map((value) => value / length),
      );
      if (rows.count % TEXTS_PER_TURN === 0) {
        onProgress?.(rows.count);
        await setImmediate();
      }
    }
    return rows;
  }

  /** The columns of a text's features, ascending, one for each time they stand in it. */
  #columns(text: string): Uint32Array {
    const words = wordsOf(text);
    const columns = new Uint32Array(2 * words.length);
    let used = 0;
    let before = -1;
    for (const word of words) {
      const id = this.#ids.get(word) ?? -1;
      const column = id < 0 ? -1 : this.#wordColumns[id]!;
      if (column >= 0) columns[used++] = column;
      if (id >= 0 && before >= 0) {
        const pair = this.#pairColumns.get(pairKey(before, id, this.#words.length));
        if (pair !== undefined) columns[used++] = pair;
      }
      before = id;
    }
    return columns.subarray(0, used).sort();
  }
}

/** A word's number, or a pair's: those begin at the number of words. */
interface Feature {
  readonly key: number;
  /** Texts it stands in. */
  readonly texts: number;
}

const pairKey = (a: number, b: number, V: number): number => (a + 1) * V + b;

interface Words {
  /** In order of appearance. */
  readonly ids: ReadonlyMap<string, number>;
  /** Texts each word stands in. */
  readonly texts: readonly number[];
  /** The words of all texts by number; text i has those from starts[i] to starts[i + 1]. */
  readonly tokens: Uint32Array;
  readonly starts: Uint32Array;
}

async function countWords(texts: readonly string[], onProgress?: Progress): Promise<Words> {
  const ids = new Map<string, number>();
  const inTexts: number[] = [];
  const lastText: number[] = [];
  let tokens = new Uint32Array(1024);
  const starts = new Uint32Array(texts.length + 1);
  let used = 0;
  for (const [at, text] of texts.entries()) {
    for (const word of wordsOf(text)) {
      let id = ids.get(word);
      if (id === undefined) {
        id = ids.size;
        // A match may be a slice that keeps its whole text alive.
        ids.set(Buffer.from(word).toString(), id);
        inTexts.push(0);
      }
      if (lastText[id] !== at) inTexts[id]!++;
      lastText[id] = at;
      if (used === tokens.length) tokens = grown(tokens);
      tokens[used++] = id;
    }
    starts[at + 1] = used;
    if ((at + 1) % TEXTS_PER_TURN === 0) {
      onProgress?.(at + 1);
      await setImmediate();
    }
  }
  return { ids, texts: inTexts, tokens, starts };
}

/** How often each number stands in a sorted list, in its order. */
function* counted(sorted: Float64Array): Generator<Feature> {
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    yield { key: sorted[from]!, texts: to - from };
  }
}
