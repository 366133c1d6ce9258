// The ids of words seen before. A text is mostly made of those: they are found character by character, without a string or
// a normalised copy of any of them.

const RECORDS = 1 << 21; // numbers; about 160,000 words of news
const SLOTS = 1 << 19;
const MOST_PROBES = 32; // texts may come from strangers: words made to collide must not cost more than not being kept
const LONGEST = 64; // UTF-16 units; longer words hardly ever come back

/** Whether a UTF-16 unit parts words: Unicode's White_Space less U+000B, which SentencePiece deletes. */
export function isBlank(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 9 && unit <= 13 && unit !== 11);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  if (unit <= 0x200a) return unit >= 0x2000 || unit === 0x1680;
  return (
    unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000
  );
}

/** Encodes texts word by word; asks for the ids of a word only where it does not remember them. */
export class WordCache {
  readonly #encode: (word: string, maxIds: number) => readonly number[];
  readonly #foldsCase: boolean;
  /** Where a word's record begins, by hash; 0: free. */
  readonly #slots = new Int32Array(SLOTS);
  /** One after another from 1 on: length, number of ids, UTF-16 units, ids. */
  readonly #records = new Int32Array(RECORDS);
  /** The word at hand. */
  readonly #word = new Uint16Array(LONGEST);
  #used = 1;
  #words = 0;

  /**
   * @param encode the ids of a word, which holds no blanks; only the first `maxIds` matter
   * @param foldsCase whether `encode` gives a word the ids of its lower case
   */
  constructor(
    encode: (word: string, maxIds: number) => readonly number[],
    { foldsCase }: { readonly foldsCase: boolean },
  ) {
    this.#encode = encode;
    this.#foldsCase = foldsCase;
  }

  /** Appends the ids of the words of `text` until `ids` has `end` entries or some more; what comes behind is not looked at. */
  encode(text: string, ids: number[], end: number): void {
    const folds = this.#foldsCase;
    const word = this.#word;
    let at = 0;
    while (ids.length < end) {
      while (at < text.length && isBlank(text.charCodeAt(at))) at++;
      if (at === text.length) return;
      const start = at;
      let hash = 0;
      for (; at < text.length; at++) {
        let unit = text.charCodeAt(at);
        if (isBlank(unit)) break;
        // Of the capitals only ASCII's: what others become takes a normaliser.
        if (folds && unit >= 0x41 && unit <= 0x5a) unit += 0x20;
        if (at - start < LONGEST) word[at - start] = unit;
        hash = Math.imul(hash ^ unit, 0x01000193);
      }
      if (at - start > LONGEST) {
        for (const id of this.#encode(text.slice(start, at), end)) ids.push(id);
      } else this.#append(text, start, at, hash, ids, end);
    }
  }

  #append(
    text: string,
    start: number,
    stop: number,
    hash: number,
    ids: number[],
    end: number,
  ): void {
    const length = stop - start;
    const records = this.#records;
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    let probes = 0;
    for (; probes < MOST_PROBES; probes++) {
      const record = this.#slots[slot]!;
      if (record === 0) break;
      if (this.#is(record, length)) {
        const from = record + 2 + length;
        const to = from + records[record + 1]!;
        for (let i = from; i < to; i++) ids.push(records[i]!);
        return;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    const found = this.#encode(text.slice(start, stop), end);
    for (const id of found) ids.push(id);
    if (probes < MOST_PROBES) this.#keep(slot, length, found);
  }

  #is(record: number, length: number): boolean {
    const records = this.#records;
    if (records[record] !== length) return false;
    for (let i = 0; i < length; i++) if (records[record + 2 + i] !== this.#word[i]) return false;
    return true;
  }

  #keep(slot: number, length: number, ids: readonly number[]): void {
    const size = 2 + length + ids.length;
    if (this.#used + size > RECORDS || this.#words >= SLOTS / 2) {
      this.#slots.fill(0);
      this.#used = 1;
      this.#words = 0;
    }
    const record = this.#used;
    this.#records[record] = length;
    this.#records[record + 1] = ids.length;
    this.#records.set(this.#word.subarray(0, length), record + 2);
    this.#records.set(ids, record + 2 + length);
    this.#slots[slot] = record;
    this.#used += size;
    this.#words++;
  }
}
