// Which texts are copies of each other: exactly, after folding case and punctuation, or nearly (word shingles, MinHash
// candidates, Jaccard similarity counted on each candidate). No library: the npm packages for MinHash are small and young
// (minhash is at 0.0.9), and the whole of it is this file.
// Broder 1997, "On the resemblance and containment of documents"; Leskovec, Rajaraman, Ullman, "Mining of Massive
// Datasets", chapter 3, for the banding.

import { Random } from "../../engine/random.ts";
import { digest, digestWords, mix, Scanner, twice } from "./scan.ts";
import { UnionFind } from "./union-find.ts";

/** Texts whose shingles overlap at least this much (Jaccard similarity) are near-duplicates. */
export const NEAR_JACCARD = 0.8;
/** Shingles are 5 words where the median text has this many words, else 3. */
const ARTICLE_WORDS = 100;
const HASHES = 64;
const BAND_ROWS = 4; // 16 bands of 4: a pair at Jaccard 0.8 becomes a candidate with probability 0.9998
const BANDS = HASHES / BAND_ROWS;
// Of 64 minima of a pair at 0.8, 51 agree (standard deviation 3.2): below half there is nothing to count.
const MIN_AGREEING = HASHES / 2;

/** Group numbers of every text, by three meanings of "the same"; each includes the one before it. */
export interface DuplicateGroups {
  /** Characters agree. A text without words is alone. */
  readonly exact: Uint32Array;
  /** Words agree when case, punctuation and white space are ignored. */
  readonly folded: Uint32Array;
  /** Joined through near-duplicates. */
  readonly near: Uint32Array;
  readonly shingleWords: number;
}

/** Collects texts, then groups them. Holds 4 bytes a word, and no text. */
export class DuplicateFinder {
  readonly #scanner = new Scanner();
  #words = new Uint32Array(1 << 16);
  #used = 0;
  readonly #starts: number[] = [];
  readonly #exact: number[] = [];

  /** Takes the next text; it gets the next number from 0. Returns how many words it has. */
  add(text: string): number {
    this.#scanner.scan(text);
    const { words } = this.#scanner;
    while (this.#used + words.count > this.#words.length) this.#words = twice(this.#words);
    this.#words.set(words.hashes.subarray(0, words.count), this.#used);
    this.#starts.push(this.#used);
    this.#exact.push(digest(text));
    this.#used += words.count;
    return words.count;
  }

  /** @param onProgress called with the share done, in [0, 1], now and then */
  async groups(onProgress?: (share: number) => Promise<void> | void): Promise<DuplicateGroups> {
    const count = this.#starts.length;
    const ends = Float64Array.from(this.#starts, (_, i) => this.#starts[i + 1] ?? this.#used);
    const lengths = ends.map((end, i) => end - (this.#starts[i] ?? 0));
    const median = lengths.toSorted()[count >> 1] ?? 0;
    const shingleWords = median >= ARTICLE_WORDS ? 5 : 3;

    const exact = groupBy(count, (i) => (lengths[i] === 0 ? -1 - i : (this.#exact[i] ?? 0)));
    const folded = groupBy(count, (i) =>
      lengths[i] === 0 ? -1 - i : digestWords(this.#words, this.#starts[i] ?? 0, ends[i] ?? 0),
    );
    const shingles = (i: number): Uint32Array =>
      shingle(this.#words.subarray(this.#starts[i] ?? 0, ends[i] ?? 0), shingleWords);
    const firsts = [...new Set(folded)].filter((i) => lengths[i] !== 0);
    const joined = await joinNear(firsts, count, shingles, onProgress);
    const near = folded.map((first) => joined.find(first));
    return { exact, folded, near: groupBy(count, (i) => near[i] ?? 0), shingleWords };
  }
}

/** For each item the first one with the same key. */
function groupBy(count: number, key: (i: number) => number): Uint32Array {
  const firsts = new Map<number, number>();
  return Uint32Array.from({ length: count }, (_, i) => {
    const k = key(i);
    const first = firsts.get(k);
    if (first === undefined) firsts.set(k, i);
    return first ?? i;
  });
}

/** The distinct shingles of a text as sorted hashes; a text shorter than one is one shingle. */
function shingle(words: Uint32Array, size: number): Uint32Array {
  const count = Math.max(1, words.length - size + 1);
  const hashes = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    let hash = 0;
    const end = Math.min(words.length, i + size);
    for (let j = i; j < end; j++) hash = Math.imul(hash, 31) ^ mix((words[j] ?? 0) + hash);
    hashes[i] = mix(hash);
  }
  hashes.sort();
  let distinct = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[distinct++] = hashes[i] ?? 0;
  }
  return hashes.subarray(0, distinct);
}

/** |a and b| / |a or b| of two sorted sets. */
function jaccard(a: Uint32Array, b: Uint32Array): number {
  let both = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] ?? 0;
    const y = b[j] ?? 0;
    if (x === y) both++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return both / (a.length + b.length - both);
}

/** Joins all near-duplicates among `texts`. The result does not depend on their order. */
async function joinNear(
  texts: readonly number[],
  count: number,
  shingles: (i: number) => Uint32Array,
  onProgress?: (share: number) => Promise<void> | void,
): Promise<UnionFind> {
  const random = new Random(0x5eed);
  const factors = Uint32Array.from({ length: HASHES }, () => random.bits() | 1);
  const offsets = Uint32Array.from({ length: HASHES }, () => random.bits());
  const minima = new Uint32Array(texts.length * HASHES).fill(0xffff_ffff);
  for (let t = 0; t < texts.length; t++) {
    const row = minima.subarray(t * HASHES, (t + 1) * HASHES);
    for (const hash of shingles(texts[t] ?? 0)) {
      for (let h = 0; h < HASHES; h++) {
        // A multiplication by an odd number permutes the 32-bit numbers.
        const value = (Math.imul(hash, factors[h] ?? 1) + (offsets[h] ?? 0)) >>> 0;
        if (value < (row[h] ?? 0)) row[h] = value;
      }
    }
    if (t % 1024 === 0) await onProgress?.((0.8 * t) / texts.length);
  }

  const joined = new UnionFind(count);
  const agreeing = (s: number, t: number): number => {
    let agree = 0;
    for (let h = 0; h < HASHES; h++) {
      if (minima[s * HASHES + h] === minima[t * HASHES + h]) agree++;
    }
    return agree;
  };
  for (let band = 0; band < BANDS; band++) {
    for (const bucket of bandBuckets(minima, texts.length, band)) {
      for (const [n, t] of bucket.entries()) {
        let own: Uint32Array | undefined;
        for (const s of bucket.slice(0, n)) {
          const [a, b] = [texts[s] ?? 0, texts[t] ?? 0];
          if (joined.find(a) === joined.find(b) || agreeing(s, t) < MIN_AGREEING) continue;
          own ??= shingles(b);
          if (jaccard(shingles(a), own) >= NEAR_JACCARD) joined.join(a, b);
        }
      }
    }
    await onProgress?.(0.8 + (0.2 * (band + 1)) / BANDS);
  }
  return joined;
}

/** Texts that agree in all minima of a band, two or more at a time. */
function bandBuckets(minima: Uint32Array, texts: number, band: number): number[][] {
  const buckets = new Map<number, number[]>();
  for (let t = 0; t < texts; t++) {
    const at = t * HASHES + band * BAND_ROWS;
    const key = digestWords(minima, at, at + BAND_ROWS);
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [t]);
    else bucket.push(t);
  }
  return [...buckets.values()].filter((bucket) => bucket.length > 1);
}
