// Words and phrases that tell the class. Tens of millions of phrases cannot be counted by name, so the first walk over
// the rows counts them in a table by hash, and the second counts by name those whose slot stands out.

import { scramble } from "../../engine/random.ts";
import { argmax, excerptAround, type RuleExample, scoreRule } from "./rule.ts";
import type { Scanner } from "./scan.ts";

const MOST_SLOTS = 1 << 22;
const LIKELY = 1 << 14; // also the fewest slots
/** Phrases that stand in the first 100 characters of a cell also count by themselves. */
export const HEAD_CHARS = 100;
const LONGEST = 3;
const CANDIDATES = 400;
const MIN_SUPPORT = 5;
const EXAMPLES = 3;

/** One phrase with what was counted of it. */
export interface Phrase {
  column: number;
  text: string;
  /** Whether case and punctuation count. */
  isExact: boolean;
  /** Whether only the first HEAD_CHARS characters of the cell count. */
  isHead: boolean;
  /** Rows of each class that hold it. */
  held: number[];
  examples: RuleExample[];
}

/** Which column a cell is of, by number. */
export interface PhraseColumn {
  index: number;
  /** Whether the first HEAD_CHARS characters count by themselves, too. */
  withHead: boolean;
}

/** What is known of a row besides its cells. */
export interface RowFacts {
  /** Number of the row over all sets, from 0. */
  row: number;
  set: string;
  record: number;
  label: number;
  labelName: string;
}

/** Counts phrases of up to `longest` words: `count` for every row, `choose`, then `find` for every row again. */
export class PhraseCounter {
  readonly #scanner: Scanner;
  readonly #longest: number;
  // Two numbers a cell, side by side for the processor's cache: the row + 1 that counted last (a phrase counts once a
  // row), and the count. A phrase has a cell for each class, at its hash changed by the class's salt.
  #cells: Uint32Array;
  readonly #lastSlot: number; // all bits set: the number of slots is a power of 2
  // Of a chosen slot's last bits: small enough for the processor's nearest cache, where the Map would be asked for each phrase.
  readonly #isLikely = new Uint8Array(LIKELY);
  readonly #chosen = new Map<number, Map<string, Phrase & { lastRow: number }>>();

  /**
   * @param scanner has scanned the cell whenever `count` or `find` is called
   * @param options.phrases about how many different ones there are at most: walking over a table for millions takes 0.1 s
   */
  constructor(
    scanner: Scanner,
    { longest = LONGEST, phrases = Infinity }: { longest?: number; phrases?: number } = {},
  ) {
    this.#scanner = scanner;
    this.#longest = longest;
    let slots = LIKELY;
    while (slots < phrases && slots < MOST_SLOTS) slots *= 2;
    this.#lastSlot = slots - 1;
    this.#cells = new Uint32Array(2 * slots);
  }

  /** First walk. The cell has just been scanned. */
  count(column: PhraseColumn, row: number, label: number): void {
    this.#visit(column, { stamp: row + 1, salt: this.#saltOf(label) });
  }

  /**
   * Between the walks: keeps the slots that classify best. Returns whether there are any.
   * @param totals rows of each class
   * @param isWanted of an accuracy: slots of a lesser one are left out
   */
  choose(totals: readonly number[], isWanted: (accuracy: number) => boolean = () => true): boolean {
    const cells = this.#cells;
    const rows = sum(totals);
    let least = (totals[argmax(totals)] ?? 0) / rows;
    // A rule is right in two classes, so that it beats the largest by the smaller one's share at most: a class too rare
    // for that is in no wanted rule.
    const labels = totals.flatMap((n, label) => (isWanted(least + n / rows) ? [label] : []));
    const counted = labels.map((label) => totals[label] ?? 0);
    const share = sum(counted) / rows;
    const salts = labels.map((label) => this.#saltOf(label));
    const held = labels.map(() => 0);
    const best: { slot: number; accuracy: number }[] = [];
    const keepBest = (): void => {
      best.sort((a, b) => b.accuracy - a.accuracy || a.slot - b.slot);
      if (best.length > CANDIDATES) best.length = CANDIDATES;
    };
    for (let slot = 0; labels.length > 1 && slot <= this.#lastSlot; slot++) {
      let support = 0;
      for (let k = 0; k < held.length; k++) {
        held[k] = cells[2 * (slot ^ (salts[k] ?? 0)) + 1] ?? 0;
        support += held[k] ?? 0;
      }
      if (support < MIN_SUPPORT) continue;
      const accuracy = share * scoreRule(held, counted).accuracy;
      if (accuracy <= least || !isWanted(accuracy)) continue;
      best.push({ slot, accuracy });
      if (best.length < 4 * CANDIDATES) continue;
      keepBest();
      least = best.at(-1)?.accuracy ?? least;
    }
    keepBest();
    for (const { slot } of best) {
      this.#chosen.set(slot, new Map());
      this.#isLikely[slot % LIKELY] = 1;
    }
    this.#cells = new Uint32Array();
    return best.length > 0;
  }

  /** Second walk. The cell, whose text this is, has just been scanned. */
  find(at: PhraseColumn, text: string, facts: RowFacts, classes: number): void {
    this.#visit(at, undefined, (slot, start, end, isExact, isHead) => {
      const phrases = this.#chosen.get(slot);
      if (phrases === undefined) return;
      const written = text.slice(start, end);
      const name = isExact ? written.replaceAll(/\s+/g, " ") : foldText(written);
      const key = `${Number(isExact)}${Number(isHead)}${at.index} ${name}`;
      let phrase = phrases.get(key);
      if (phrase === undefined) {
        const held = Array.from({ length: classes }, () => 0);
        const copy = Buffer.from(name).toString(); // a slice would keep the whole block of the file
        const column = at.index;
        phrase = { column, text: copy, isExact, isHead, held, examples: [], lastRow: 0 };
        phrases.set(Buffer.from(key).toString(), phrase);
      }
      if (phrase.lastRow === facts.row + 1) return;
      phrase.lastRow = facts.row + 1;
      phrase.held[facts.label] = (phrase.held[facts.label] ?? 0) + 1;
      if (phrase.examples.length < EXAMPLES) {
        const { set, record, labelName: label } = facts;
        phrase.examples.push({ set, record, label, excerpt: excerptAround(text, start, end) });
      }
    });
  }

  /** After both walks: the phrases found in the slots that stood out, without rare ones that only share such a slot. */
  phrases(): Phrase[] {
    return [...this.#chosen.values()].flatMap((phrases) =>
      [...phrases.values()].filter(({ held }) => sum(held) >= MIN_SUPPORT),
    );
  }

  #saltOf(label: number): number {
    return scramble(label + 1) & this.#lastSlot;
  }

  /** Counts the phrases of the scanned cell, or calls `visit` for those whose slot is chosen: a call for each would cost more than all else. */
  #visit({ index, withHead }: PhraseColumn, counted?: Counted, visit?: Visit): void {
    const cells = this.#cells;
    const isLikely = this.#isLikely;
    const longest = this.#longest;
    const lastSlot = this.#lastSlot;
    const { stamp = 0, salt: classSalt = 0 } = counted ?? {};
    for (const isExact of [true, false]) {
      const { count, starts, ends, hashes } = isExact ? this.#scanner.tokens : this.#scanner.words;
      const salt = scramble(index * 4 + (isExact ? 2 : 0) + 1);
      const touch = (hash: number, start: number, end: number, isHead: boolean): void => {
        const slot = hash & lastSlot;
        if (visit !== undefined) {
          if (isLikely[slot % LIKELY] === 1) visit(slot, start, end, isExact, isHead);
          return;
        }
        const cell = 2 * (slot ^ classSalt);
        if (cells[cell] === stamp) return;
        cells[cell] = stamp;
        cells[cell + 1] = (cells[cell + 1] ?? 0) + 1;
      };
      for (let i = 0; i < count; i++) {
        const start = starts[i] ?? 0;
        const isHead = withHead && start < HEAD_CHARS;
        let hash = salt;
        const last = Math.min(count, i + longest);
        for (let j = i; j < last; j++) {
          hash = scramble(Math.imul(hash, 31) + (hashes[j] ?? 0));
          const end = ends[j] ?? 0;
          touch(hash, start, end, false);
          if (isHead && end <= HEAD_CHARS) touch(scramble(hash + 1), start, end, true);
        }
      }
    }
  }
}

/** Of a row whose phrases are counted: a number of its own above 0, and its class's salt. */
interface Counted {
  readonly stamp: number;
  readonly salt: number;
}

type Visit = (slot: number, start: number, end: number, isExact: boolean, isHead: boolean) => void;

function sum(counts: readonly number[]): number {
  return counts.reduce((total, n) => total + n, 0);
}

/** Words in lower case, as the scanner folds them, with one blank between. */
function foldText(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}\p{So}\p{Sk}]+/gu, " ");
}
