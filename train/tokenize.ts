// Token ids of a whole data set in two flat arrays: 2 bytes a token, where an array of numbers for each text takes 8 and more.

import { setImmediate } from "node:timers/promises";
import { invariant } from "../engine/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { encodeBlock, type EncodedBlock, type Encoder, joinBlocks } from "./encoded-block.ts";
import { spareThreads, TokenizerThreads } from "./tokenizer-threads.ts";

// Tokenising is synchronous; between blocks other work (Ctrl-C, a progress bar, other threads' results) gets its turn.
const BLOCK_TEXTS = 64;
const BLOCK_UNITS = 1 << 18; // UTF-16
// UTF-16 units, one to two seconds of work. A thread takes some tenths of one to start, and learns its words anew.
const LARGE = 20_000_000;

/** Token ids of many texts, read only. */
export class TokenizedSet {
  /** Number of texts. */
  readonly count: number;
  /** Tokens of all texts together. */
  readonly tokens: number;
  /** Tokens of each text, [count]. */
  readonly lengths: Uint16Array;
  /** Ids of all texts one after another, [tokens]. */
  readonly flat: Uint16Array | Uint32Array;
  readonly #starts: Float64Array;

  /** @param flat ids of all texts one after another; owned from here on. @param lengths tokens of each text */
  constructor(flat: Uint16Array | Uint32Array, lengths: Uint16Array) {
    this.count = lengths.length;
    this.lengths = lengths;
    this.flat = flat;
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
    return Uint32Array.from(this.flat.subarray(start, start + (this.lengths[i] ?? 0)));
  }
}

/**
 * Tokenises texts; none is kept, so a stream of any size takes only the room of its ids. With a `Tokenizer`, a large set is
 * shared with worker threads where there are more than two cores; the ids are the same.
 * @param maxLength longer texts are truncated by the tokeniser; in tokens, at most 65,535
 * @param onProgress called with the number of texts done, after each block of at most 64 texts
 * Throws AlbertGpuError when a thread fails, and what `texts` and the tokeniser throw; no thread is left behind.
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
  const encoded: EncodedBlock[] = [];
  let taken = 0;
  let units = Array.isArray(texts) ? unitsOf(texts as string[]) : 0;
  let done = 0;
  let threads: TokenizerThreads | undefined;
  try {
    for await (const block of blocksOf(texts)) {
      const index = taken++;
      const keep = (ids: EncodedBlock): void => {
        encoded[index] = ids;
        done += block.length;
        onProgress?.(done);
      };
      if (!Array.isArray(texts)) units += unitsOf(block);
      if (units > LARGE && tokenizer instanceof Tokenizer) {
        threads ??= new TokenizerThreads(tokenizer.source, maxLength, spareThreads());
      }
      // This thread works too: it is the first to be ready, and else it would only wait.
      if (!threads?.take(block, keep)) keep(encodeBlock(block, tokenizer, maxLength));
      await setImmediate();
    }
    await threads?.drain();
  } finally {
    await threads?.close();
  }
  const { flat, lengths } = joinBlocks(encoded);
  return new TokenizedSet(flat, lengths);
}

function unitsOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

async function* blocksOf(
  texts: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string[], void, undefined> {
  let block: string[] = [];
  let units = 0;
  for await (const text of texts) {
    block.push(text);
    units += text.length;
    if (block.length < BLOCK_TEXTS && units < BLOCK_UNITS) continue;
    yield block;
    block = [];
    units = 0;
  }
  if (block.length > 0) yield block;
}
