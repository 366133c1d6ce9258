// "kk" + "k" and "k" + "kk" have the same probability, and rounding decides between them: in C++ of float32, in Hugging Face's
// tokenizers library of float64. Pieces tie this way if they are powers of one string, its root. This file decides as that library does.

import { fastScore, type Piece, PIECE_TYPE } from "./spiece.ts";

const UNKNOWN_PENALTY = 10;

/** Orders pieces of equal probability. */
export class TiedPieces {
  readonly #pieces: readonly Piece[];
  readonly #unknownId: number;
  /** By id; "" for pieces that no other ties with. */
  readonly #roots: readonly string[];
  /** Ids by root. */
  readonly #powers: ReadonlyMap<string, readonly number[]>;
  #unknown: number | undefined; // a score that most texts never need

  constructor(pieces: readonly Piece[]) {
    const roots = pieces.map(rootOf);
    const powers = new Map<string, number[]>();
    for (const [id, root] of roots.entries()) {
      const same = powers.get(root);
      if (same) same.push(id);
      else powers.set(root, [id]);
    }
    this.#pieces = pieces;
    this.#unknownId = pieces.findIndex(({ type }) => type === PIECE_TYPE.unknown);
    this.#roots = roots.map((root) => (powers.get(root)!.length > 1 ? root : ""));
    this.#powers = powers;
  }

  /**
   * A word's ids in the order of the tokenizers library. @param surfaces gives the pieces' texts, which only words with
   * unknown characters need
   */
  order(ids: readonly number[], surfaces: () => readonly string[]): readonly number[] {
    if (!ids.some((id, i) => i > 0 && this.#tie(ids[i - 1]!, id))) return ids;
    const ordered: number[] = [];
    let texts: readonly string[] | undefined;
    let sum = 0; // of the scores so far: what is added to it is rounded
    for (let start = 0, end = 1; start < ids.length; start = end++) {
      const id = ids[start]!;
      while (end < ids.length && this.#tie(id, ids[end]!)) end++;
      if (end - start > 1) {
        sum = this.#best(ids.slice(start, end), sum, ordered);
        continue;
      }
      ordered.push(id);
      if (id !== this.#unknownId) sum += this.#score(id);
      else for (const _ of (texts ??= surfaces())[start] ?? "") sum += this.#unknownScore();
    }
    return ordered;
  }

  #tie(a: number, b: number): boolean {
    return this.#roots[a] !== "" && this.#roots[a] === this.#roots[b];
  }

  #score(id: number): number {
    return asParsed(fastScore(this.#pieces[id]!));
  }

  /** Of each character of an unknown piece. */
  #unknownScore(): number {
    return (this.#unknown ??=
      asParsed(this.#pieces.reduce((min, piece) => Math.min(min, fastScore(piece)), Infinity)) -
      UNKNOWN_PENALTY);
  }

  /**
   * Appends to `ordered` the most probable pieces for as many roots as `run` has; of equals, those whose last piece is the
   * longest. Returns the sum of the scores from `before` on.
   */
  #best(run: readonly number[], before: number, ordered: number[]): number {
    const root = this.#roots[run[0]!]!;
    const timesOf = (id: number): number => this.#pieces[id]!.text.length / root.length;
    const powers = this.#powers.get(root)!.map((id) => {
      return { id, times: timesOf(id), score: this.#score(id) };
    });
    const count = run.reduce((total, id) => total + timesOf(id), 0);
    const sums = new Float64Array(count + 1).fill(-Infinity);
    const last = new Uint32Array(count + 1);
    sums[0] = before;
    for (let at = 0; at < count; at++) {
      for (const { id, times, score } of powers) {
        const sum = score + sums[at]!;
        if (at + times > count || !(sum > sums[at + times]!)) continue;
        sums[at + times] = sum;
        last[at + times] = id;
      }
    }
    const back: number[] = [];
    for (let at = count; at > 0; at -= timesOf(last[at]!)) back.push(last[at]!);
    for (const id of back.reverse()) ordered.push(id);
    return sums[count]!;
  }
}

/** The shortest string that the piece is a repetition of; "" for pieces that take no part in ties. */
function rootOf({ text, type }: Piece): string {
  if (text.startsWith("▁") || type !== PIECE_TYPE.normal) return "";
  return text.slice(0, (text + text).indexOf(text, 1));
}

/**
 * A score as the tokenizers library reads it from tokenizer.json. Its parser divides the digits by a power of ten, both
 * rounded to a float64, which can be one step off; that decides between sums which would be the same.
 */
function asParsed(score: number): number {
  const [whole = "", fraction = ""] = String(score).split(".");
  const parsed = Number(whole + fraction) / Number(`1e${fraction.length}`);
  return Number.isNaN(parsed) ? score : parsed; // a number like 1e-7
}
