// Sizes, classes and lengths of one set.

import type { Encoder } from "../encoded-block.ts";
import { lengthsOf, type SetReport, type TokenReport } from "./report.ts";

/** Texts of a set that are tokenised at most; of a larger one every n-th is. */
const TOKEN_SAMPLE = 2000;

export class SetStatistics {
  readonly name: string;
  readonly file: string;
  rows = 0;
  /** Rows with neither letter nor digit. */
  empty = 0;
  readonly #classes: number[] = [];
  readonly #words: number[] = [];
  readonly #tokens: number[] = [];
  #walked = 0;

  constructor(name: string, file: string) {
    this.name = name;
    this.file = file;
  }

  /** First walk. */
  add(label: number, tokens: number, isEmpty: boolean): void {
    this.rows++;
    this.empty += Number(isEmpty);
    this.#words.push(tokens);
    this.#classes[label] = (this.#classes[label] ?? 0) + 1;
  }

  /** Second walk, when the number of rows is known: tokenises the text if it belongs to the sample. */
  sample(text: string, encoder: Encoder): void {
    const stride = Math.ceil(this.rows / TOKEN_SAMPLE);
    if (this.#walked++ % stride === 0) this.#tokens.push(encoder.encode(text, Infinity).length);
  }

  /** @param names of the classes by id, @param order ids in the order to show */
  report(names: readonly string[], order: readonly number[], maxLength: number): SetReport {
    const classes = order.map((id) => [names[id] ?? "", this.#classes[id] ?? 0] as const);
    return {
      name: this.name,
      file: this.file,
      rows: this.rows,
      classes: Object.fromEntries(classes),
      words: lengthsOf(this.#words),
      tokens: this.#tokens.length === 0 ? null : tokenReport(this.#tokens, maxLength),
      empty: this.empty,
    };
  }
}

function tokenReport(counts: readonly number[], maxLength: number): TokenReport {
  const kept = counts.reduce((sum, n) => sum + Math.min(n, maxLength), 0);
  return {
    ...lengthsOf([...counts]),
    texts: counts.length,
    maxLength,
    truncated: counts.filter((n) => n > maxLength).length / counts.length,
    padding: 1 - kept / (counts.length * maxLength),
  };
}
