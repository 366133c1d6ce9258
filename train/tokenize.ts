// Token ids of a whole data set in two flat arrays: 2 bytes a token, where an array of numbers for each text takes 8 and more.

import { setImmediate } from "node:timers/promises";
import { invariant } from "../engine/errors.ts";
import { grown } from "./grown.ts";

/** What this file needs of a tokeniser. */
export interface Encoder {
  /** Token ids of a text with its special tokens, at most `maxLength` of them. */
  encode(text: string, maxLength: number): ArrayLike<number>;
}

// Tokenising is synchronous; now and then other work (Ctrl-C, a progress bar) gets its turn.
const TEXTS_PER_TURN = 64;

/** Token ids of many texts, read only. */
export class TokenizedSet {
  /** Number of texts. */
  readonly count: number;
  /** Tokens of all texts together. */
  readonly tokens: number;
  /** Tokens of each text, [count]. */
  readonly lengths: Uint16Array;
  readonly #flat: Uint16Array | Uint32Array;
  readonly #starts: Float64Array;

  /** @param flat ids of all texts one after another; owned from here on. @param lengths tokens of each text */
  constructor(flat: Uint16Array | Uint32Array, lengths: Uint16Array) {
    this.count = lengths.length;
    this.lengths = lengths;
    this.#flat = flat;
    this.#starts = new Float64Array(lengths.length);
    let start = 0;
    lengths.forEach((length, i) => {
      this.#starts[i] = start;
      start += length;
    });
    this.tokens = start;
    invariant(start === flat.length, () => `lengths add up to ${start}; got ${flat.length} ids`);
  }

  /** A copy of text i's ids. Throws RangeError when there is no such text. */
  ids(i: number): Uint32Array {
    const start = this.#starts[i];
    if (start === undefined) throw new RangeError(`text must be in [0, ${this.count}); got ${i}`);
    return Uint32Array.from(this.#flat.subarray(start, start + (this.lengths[i] ?? 0)));
  }
}

/**
 * Tokenises texts one by one; no text is kept, so a stream of any size takes only the room of its ids.
 * @param maxLength longer texts are truncated by the tokeniser; in tokens, at most 65,535
 * @param onProgress called with the number of texts done, every 64 texts and at the end
 */
export async function tokenizeAll(
  texts: Iterable<string> | AsyncIterable<string>,
  tokenizer: Encoder,
  maxLength: number,
  onProgress?: (done: number) => void,
): Promise<TokenizedSet> {
  invariant(
    maxLength >= 1 && maxLength <= 0xffff,
    () => `maxLength in [1, 65535]; got ${maxLength}`,
  );
  let flat: Uint16Array | Uint32Array = new Uint16Array(1024);
  let lengths = new Uint16Array(64);
  let used = 0;
  let count = 0;
  for await (const text of texts) {
    const ids = tokenizer.encode(text, maxLength);
    invariant(
      ids.length <= maxLength,
      () => `encode gave ${ids.length} ids for maxLength ${maxLength}`,
    );
    while (used + ids.length > flat.length) flat = grown(flat);
    for (let t = 0; t < ids.length; t++) {
      const id = ids[t] ?? 0;
      // Vocabularies above 65,536 pieces are rare: only they pay for wider ids.
      if (id > 0xffff && flat instanceof Uint16Array) flat = Uint32Array.from(flat);
      flat[used + t] = id;
    }
    used += ids.length;
    if (count === lengths.length) lengths = grown(lengths);
    lengths[count++] = ids.length;
    if (count % TEXTS_PER_TURN === 0) {
      onProgress?.(count);
      await setImmediate();
    }
  }
  onProgress?.(count);
  return new TokenizedSet(flat.slice(0, used), lengths.slice(0, count));
}
