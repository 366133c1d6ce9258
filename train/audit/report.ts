// What an audit finds, as data. The command prints it; --json gives it whole.

import { quantile } from "../quantile.ts";
import type { Rule } from "./rule.ts";

/** Median, 95th percentile, maximum and mean of a length. */
export interface Lengths {
  median: number;
  p95: number;
  max: number;
  mean: number;
}

export interface TokenReport extends Lengths {
  /** Texts that were tokenised: all of them, or an even sample of a large set. Counts include [CLS] and [SEP]. */
  texts: number;
  maxLength: number;
  /** Share of texts with more than maxLength tokens: their end is cut off. */
  truncated: number;
  /** Share of padding where every text is padded to maxLength. */
  padding: number;
}

export interface SetReport {
  name: string;
  file: string;
  rows: number;
  classes: Record<string, number>;
  /** Words are runs of characters between white space. */
  words: Lengths;
  tokens: TokenReport | null;
  /** Rows whose text has no letter and no digit. */
  empty: number;
}

/** Two rows with the same text. `near` also holds for the other two, `folded` for exact ones. */
export type Sameness = "exact" | "folded" | "near";

export interface RowPlace {
  set: string;
  record: number;
  label: string;
  excerpt: string;
}

/** Rows with a copy elsewhere, by each meaning of "copy"; each number includes the one before it. */
export type CopyCounts = Record<Sameness, number>;

export interface DuplicateReport {
  /** For each set: rows that copy an earlier row of it. */
  inside: Record<string, CopyCounts>;
  /** Rows of `set` that copy a row of `of`. */
  across: { set: string; of: string; rows: CopyCounts; share: number }[];
  nearJaccard: number;
  shingleWords: number;
  /** Rows that are copies of each other: across sets first. */
  examples: { sameness: Sameness; rows: [RowPlace, RowPlace] }[];
}

/** Texts, equal after folding, that stand under more than one label. */
export interface ConflictReport {
  texts: number;
  rows: number;
  examples: RowPlace[][];
}

export interface AuditReport {
  rows: number;
  labels: string[];
  textColumns: string[];
  /** Of sets that have a column of another name. */
  ownColumns: Record<string, string[]>;
  sets: SetReport[];
  duplicates: DuplicateReport;
  conflicts: ConflictReport;
  /** Share of the largest class: what guessing always the same scores. */
  majority: number;
  shortcuts: Rule[];
  /** A sentence each, the most serious first. */
  warnings: string[];
}

/** Statistics of lengths, in any order; at least one. */
export function lengthsOf(values: number[] | Uint32Array): Lengths {
  const sorted = Uint32Array.from(values).sort();
  return {
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    max: sorted.at(-1)!,
    mean: sorted.reduce((sum, n) => sum + n, 0) / sorted.length,
  };
}
