// Which texts are copies of each other: exactly, after folding case and punctuation, or nearly (Jaccard similarity of their
// word shingles). All near pairs are found, and few others looked at: two sets that share much share one of their rarest
// members, so that texts of one template, alike in all but a few words, meet only where those agree.
// Chaudhuri, Ganti, Kaushik 2006, doi:10.1109/ICDE.2006.9 (prefix filter); Bayardo, Ma, Srikant 2007, doi:10.1145/1242572.1242591.
// No library: npm has MinHash, which is small, young and misses pairs; the whole of this is this file.

import { scramble } from "../../engine/random.ts";
import { grown } from "../grown.ts";
import { digest, digestWords, Scanner } from "./scan.ts";
import { UnionFind } from "./union-find.ts";

/** Texts whose shingles overlap at least this much (Jaccard similarity) are near-duplicates. */
export const NEAR_JACCARD = 0.8;
/** Shingles are 5 words where the median text has this many words, else 3. */
const ARTICLE_WORDS = 100;
/** Most counters of shingles; those that share one are taken for more frequent than they are, which costs time alone. */
const MOST_COUNTERS = 2 ** 27;

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
    while (this.#used + words.count > this.#words.length) this.#words = grown(this.#words);
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
    const joined = await joinNear(firsts, lengths, shingles, onProgress);
    const nearest = folded.map((first) => joined.find(first));
    return { exact, folded, near: groupBy(count, (i) => nearest[i] ?? 0), shingleWords };
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
    for (let j = i; j < end; j++) hash = Math.imul(hash, 31) ^ scramble((words[j] ?? 0) + hash);
    hashes[i] = scramble(hash);
  }
  hashes.sort();
  let distinct = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[distinct++] = hashes[i] ?? 0;
  }
  return hashes.subarray(0, distinct);
}

/** Of the sizes of two sets together, the share that near ones have in common at least. */
const OF_BOTH = NEAR_JACCARD / (1 + NEAR_JACCARD);

/** The smallest integer from x on, where x may be rounded up from one. */
const least = (x: number): number => Math.ceil(x - 1e-6);

/** Whether |a and b| / |a or b| of two sorted sets is at least NEAR_JACCARD. */
function near(a: Uint32Array, b: Uint32Array): boolean {
  const needed = least(OF_BOTH * (a.length + b.length));
  let both = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] ?? 0;
    const y = b[j] ?? 0;
    if (x === y) both++;
    if (x <= y) i++;
    if (y <= x) j++;
    if (both + Math.min(a.length - i, b.length - j) < needed) return false;
  }
  return both / (a.length + b.length - both) >= NEAR_JACCARD;
}

/** For each shingle, about how many texts have it: never too few. Counters are shared by hash. */
class Frequencies {
  readonly #counters: Uint16Array;

  /** @param shingles of all texts together, about */
  constructor(shingles: number) {
    const wanted = 2 ** Math.ceil(Math.log2(2 * shingles + 1024));
    this.#counters = new Uint16Array(Math.min(wanted, MOST_COUNTERS));
  }

  add(hash: number): void {
    const at = this.#at(hash);
    const count = this.of(hash);
    if (count < 0xffff) this.#counters[at] = count + 1;
  }

  of(hash: number): number {
    return this.#counters[this.#at(hash)] ?? 0;
  }

  #at(hash: number): number {
    return (hash & (this.#counters.length - 1)) >>> 0;
  }
}

/** A text that has a shingle, the shingle's rank among the text's from the rarest on, and the texts before that have it too. */
interface Entry {
  readonly text: number;
  readonly rank: number;
  readonly before: Entry | undefined;
}

/**
 * Joins all near-duplicates among `texts`.
 * @param words of every text, how many
 */
async function joinNear(
  texts: readonly number[],
  words: Float64Array,
  shingles: (i: number) => Uint32Array,
  onProgress?: (share: number) => Promise<void> | void,
): Promise<UnionFind> {
  const frequencies = new Frequencies(texts.reduce((sum, i) => sum + (words[i] ?? 0), 0));
  const sizes = new Uint32Array(words.length); // distinct shingles
  for (const [n, i] of texts.entries()) {
    const own = shingles(i);
    sizes[i] = own.length;
    for (const hash of own) frequencies.add(hash);
    if (n % 1024 === 0) await onProgress?.((0.3 * n) / texts.length);
  }

  const joined = new UnionFind(words.length);
  const index = new Map<number, Entry>();
  const known = new Map<number, Uint32Array>();
  const metBy = new Int32Array(words.length).fill(-1);
  const order = new Float64Array(sizes.reduce((most, size) => Math.max(most, size), 0));
  let looked = 0;
  // From small to large: of two near ones, the smaller has one of its very rarest among the rarest of the larger.
  const bySize = [...texts].sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  for (const [n, i] of bySize.entries()) {
    const own = shingles(i);
    const size = own.length;
    const sought = size - least(NEAR_JACCARD * size) + 1;
    const indexed = size - least(2 * OF_BOTH * size) + 1;
    // The rarest first, in an order that is the same for all texts; most are in no other text, and rarest of all.
    let shared = 0;
    for (const hash of own) {
      const frequency = frequencies.of(hash);
      if (frequency > 1) order[shared++] = frequency * 2 ** 32 + hash;
    }
    const alone = size - shared;
    if (alone < sought) order.subarray(0, shared).sort();
    for (let rank = alone; rank < sought; rank++) {
      const hash = order[rank - alone]! % 2 ** 32;
      const latest = index.get(hash);
      for (let entry = latest; entry !== undefined; entry = entry.before) {
        const other = entry.text;
        looked++;
        if (metBy[other] === i) continue;
        metBy[other] = i;
        // What they share that is rarer than this they would have met by.
        const most = Math.min(size - rank, sizes[other]! - entry.rank);
        if (most < least(OF_BOTH * (size + sizes[other]!))) continue;
        if (joined.find(i) === joined.find(other)) continue;
        let others = known.get(other);
        if (others === undefined) known.set(other, (others = shingles(other)));
        if (near(own, others)) joined.join(i, other);
      }
      if (rank < indexed) index.set(hash, { text: i, rank, before: latest });
    }
    if (n % 1024 !== 0 && looked < 1 << 22) continue;
    looked = 0;
    await onProgress?.(0.3 + (0.7 * n) / texts.length);
  }
  return joined;
}
