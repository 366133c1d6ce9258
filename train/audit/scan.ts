// One walk over a text's characters: its tokens as written, its words after folding, hashes of both, and what kinds of
// characters it holds. Everything else in the audit works on these numbers, so that 20 million words take seconds.

import { scramble } from "../../engine/random.ts";
import { grown } from "../grown.ts";

const SEPARATOR = 0;
const WORD = 1;
const BLANK = 2;
const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const HIGH_SURROGATE = 0xd800;
const LOW_SURROGATE_END = 0xdfff;

interface CharacterTable {
  /** SEPARATOR, WORD or BLANK for each UTF-16 code unit. */
  readonly kind: Uint8Array;
  /** The code unit in lower case. */
  readonly lower: Uint16Array;
}

let table: CharacterTable | undefined;

/** Made on first use: 65,536 regular expressions take some 20 ms. */
function characterTable(): CharacterTable {
  if (table !== undefined) return table;
  const kind = new Uint8Array(0x1_0000);
  const lower = new Uint16Array(0x1_0000);
  for (let unit = 0; unit <= 0xffff; unit++) {
    const char = String.fromCharCode(unit);
    const isSurrogate = unit >= HIGH_SURROGATE && unit <= LOW_SURROGATE_END;
    if (isSurrogate || /[\p{L}\p{N}\p{M}]/u.test(char)) kind[unit] = WORD;
    else if (/\s/u.test(char)) kind[unit] = BLANK;
    const small = char.toLowerCase();
    lower[unit] = small.length === 1 ? small.charCodeAt(0) : unit;
  }
  table = { kind, lower };
  return table;
}

/** Words or tokens of one text, in order; only the first `count` entries of the arrays hold. */
export class Spans {
  count = 0;
  starts = new Uint32Array(1024);
  /** Just after the last character. */
  ends = new Uint32Array(1024);
  hashes = new Uint32Array(1024);

  add(start: number, end: number, hash: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
      this.hashes = grown(this.hashes);
    }
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.hashes[this.count++] = scramble(hash);
  }
}

/** Reads one text after another into the same arrays. */
export class Scanner {
  /** Runs of characters between white space, as written: "(Reuters)". */
  readonly tokens = new Spans();
  /** Runs of letters and digits in lower case: "reuters". Two texts with the same words are equal after folding. */
  readonly words = new Spans();

  scan(text: string): void {
    const { kind, lower } = characterTable();
    const { tokens, words } = this;
    tokens.count = 0;
    words.count = 0;
    let tokenStart = -1;
    let tokenHash = 0;
    let wordStart = -1;
    let wordHash = 0;
    for (let i = 0; i <= text.length; i++) {
      const unit = i < text.length ? text.charCodeAt(i) : 0x20;
      const type = kind[unit] ?? SEPARATOR;
      if (type === WORD) {
        if (wordStart < 0) {
          wordStart = i;
          wordHash = FNV_START;
        }
        const small = lower[unit] ?? unit;
        wordHash = Math.imul(wordHash ^ small, FNV_PRIME);
      } else if (wordStart >= 0) {
        words.add(wordStart, i, wordHash);
        wordStart = -1;
      }
      if (type === BLANK) {
        if (tokenStart >= 0) tokens.add(tokenStart, i, tokenHash);
        tokenStart = -1;
      } else {
        if (tokenStart < 0) {
          tokenStart = i;
          tokenHash = FNV_START;
        }
        tokenHash = Math.imul(tokenHash ^ unit, FNV_PRIME);
      }
    }
  }
}

/** 53 bits that stand for a text: two of 100,000 different texts agree with probability 1e-6. */
export function digest(text: string): number {
  let a = FNV_START;
  let b = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, FNV_PRIME);
    b = Math.imul(b ^ unit, 0x5bd1e995) ^ (b >>> 15);
  }
  return scramble(a) * 0x20_0000 + (scramble(b) >>> 11);
}

/** The same for words given by their hashes. */
export function digestWords(hashes: Uint32Array, start: number, end: number): number {
  let a = FNV_START;
  let b = end - start;
  for (let i = start; i < end; i++) {
    const hash = hashes[i] ?? 0;
    a = Math.imul(a ^ hash, FNV_PRIME);
    b = Math.imul(b ^ hash, 0x5bd1e995) ^ (b >>> 15);
  }
  return scramble(a) * 0x20_0000 + (scramble(b) >>> 11);
}

/** The same for a text's words, whatever its case, punctuation and white space; undefined where it has none. */
export function foldedDigest(text: string): number | undefined {
  folding.scan(text);
  const { count, hashes } = folding.words;
  return count === 0 ? undefined : digestWords(hashes, 0, count);
}

const folding = new Scanner();
