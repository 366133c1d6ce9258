// Rules about one column that one walk over the rows can count: its characters, its length, its values.

import {
  argmax,
  excerptAround,
  type Rule,
  type RuleExample,
  type RuleKind,
  scoreRule,
} from "./rule.ts";
import type { RowFacts } from "./phrases.ts";
import { TRAITS } from "./traits.ts";

// A column with more values than this has no few to learn by heart, and would fill the memory.
const MAX_VALUES = 20_000;
const MAX_LENGTH = 1 << 16;
const EXAMPLES = 3;

/** A rule as it is counted, before it is scored for a reader. */
export interface CountedRule {
  kind: RuleKind;
  column: string;
  description: string;
  held: readonly number[];
  examples: RuleExample[];
  /** Given where accuracy is not that of `held`: a rule over many values. */
  accuracy?: number;
}

interface Value {
  held: number[];
  example: RuleExample;
}

/** Collects one column's cells. */
export class ColumnRules {
  readonly column: string;
  readonly #isText: boolean;
  readonly #traits = TRAITS.map(() => ({ held: [] as number[], examples: [] as RuleExample[] }));
  readonly #lengths: number[][] = []; // [length][label]
  readonly #values = new Map<string, Value>();
  #hasTooManyValues = false;

  /** @param isText a text's length is counted in words, another column's in characters, and only the latter has values */
  constructor(column: string, isText: boolean) {
    this.column = column;
    this.#isText = isText;
  }

  add(cell: string, words: number, facts: RowFacts): void {
    const { label } = facts;
    TRAITS.forEach(({ pattern }, t) => {
      const trait = this.#traits[t];
      if (trait === undefined || !pattern.test(cell)) return;
      trait.held[label] = (trait.held[label] ?? 0) + 1;
      if (trait.examples.length === EXAMPLES) return;
      const match = pattern.exec(cell);
      const start = match?.index ?? 0;
      trait.examples.push(exampleOf(facts, cell, start, start + (match?.[0].length ?? 0)));
    });
    const length = Math.min(this.#isText ? words : cell.length, MAX_LENGTH);
    const byLabel = (this.#lengths[length] ??= []);
    byLabel[label] = (byLabel[label] ?? 0) + 1;
    if (!this.#isText && !this.#hasTooManyValues) this.#addValue(cell, facts);
  }

  #addValue(cell: string, facts: RowFacts): void {
    let value = this.#values.get(cell);
    if (value === undefined) {
      if (this.#values.size === MAX_VALUES) {
        this.#hasTooManyValues = true;
        this.#values.clear();
        return;
      }
      value = { held: [], example: exampleOf(facts, cell, 0, cell.length) };
      this.#values.set(Buffer.from(cell).toString(), value); // a slice would keep its whole block of the file
    }
    value.held[facts.label] = (value.held[facts.label] ?? 0) + 1;
  }

  /** @param totals rows of each class */
  rules(totals: readonly number[]): CountedRule[] {
    const { column } = this;
    const dense = (held: readonly number[]): number[] => totals.map((_, k) => held[k] ?? 0);
    const rules: CountedRule[] = TRAITS.map(({ kind, description }, t) => ({
      kind,
      column,
      description: `${column} ${description}`,
      held: dense(this.#traits[t]?.held ?? []),
      examples: this.#traits[t]?.examples ?? [],
    }));
    rules.push(this.#lengthRule(totals));
    if (this.#values.size > 1) rules.push(this.#valueRule(totals));
    return rules;
  }

  #lengthRule(totals: readonly number[]): CountedRule {
    const shorter = totals.map(() => 0);
    let best = { accuracy: scoreRule(shorter, totals).accuracy, length: 0, held: [...shorter] };
    // Lengths that no row has are skipped: up to the next there is, the question stays the same.
    this.#lengths.forEach((byLabel, length) => {
      byLabel.forEach((count, k) => (shorter[k] = (shorter[k] ?? 0) + count));
      const { accuracy } = scoreRule(shorter, totals);
      if (accuracy > best.accuracy) best = { accuracy, length: length + 1, held: [...shorter] };
    });
    const unit = this.#isText ? "words" : "characters";
    return {
      kind: "length",
      column: this.column,
      description: `${this.column} has fewer than ${best.length} ${unit}`,
      held: best.held,
      examples: [],
    };
  }

  /** How well the column's value tells the class of a row, learnt from the other rows with the same value. */
  #valueRule(totals: readonly number[]): CountedRule {
    const majority = argmax(totals);
    const seen = totals.map(() => 0); // rows whose value another row has too
    let right = 0;
    for (const { held } of this.#values.values()) {
      const rows = held.reduce((sum, n) => sum + n, 0);
      held.forEach((count, label) => {
        if (rows > 1) seen[label] = (seen[label] ?? 0) + count;
        const others = totals.map((_, k) => (held[k] ?? 0) - Number(k === label));
        const guess = rows > 1 ? argmax(others) : majority;
        if (guess === label) right += count;
      });
    }
    const frequent = [...this.#values.values()].sort((a, b) => sum(b.held) - sum(a.held));
    return {
      kind: "value",
      column: this.column,
      description: `${this.column} by its value (${this.#values.size} values)`,
      held: seen,
      examples: frequent.slice(0, EXAMPLES).map(({ example }) => example),
      accuracy: right / sum(totals),
    };
  }
}

/** A row as an example of what stands from `start` to `end` of its cell. */
export function exampleOf(facts: RowFacts, cell: string, start: number, end: number): RuleExample {
  const { set, record, labelName: label } = facts;
  return { set, record, label, excerpt: excerptAround(cell, start, end) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0); // skips the holes of a sparse array
}

/** A counted rule as the report shows it. */
export function toRule(
  counted: CountedRule,
  totals: readonly number[],
  names: readonly string[],
): Rule {
  const { kind, column, description, held, examples } = counted;
  const score = scoreRule(held, totals);
  const isTable = counted.accuracy !== undefined;
  return {
    kind,
    column,
    description,
    accuracy: counted.accuracy ?? score.accuracy,
    present: isTable ? null : (names[score.present] ?? null),
    absent: isTable ? null : (names[score.absent] ?? null),
    support: score.support,
    supportByClass: Object.fromEntries(names.map((name, k) => [name, held[k] ?? 0])),
    examples,
    alike: 0,
    isWarning: false,
  };
}
