// A shortcut: one yes-or-no question about a row that tells its class. How good one is, and when to warn of it.

/** What a rule looks at. */
export type RuleKind = "phrase" | "characters" | "blanks" | "length" | "value";

/** A row where a rule holds. */
export interface RuleExample {
  set: string;
  /** Data records of the set's file count from 1. */
  record: number;
  label: string;
  /** Up to 80 characters of the cell, around what the rule found. */
  excerpt: string;
}

/** The best a single question about a row can do as a classifier. */
export interface Rule {
  kind: RuleKind;
  column: string;
  /** For a reader: `text contains "(Reuters)"`. */
  description: string;
  /** Share of rows classified rightly when rows where the rule holds get `present`, the others `absent`. */
  accuracy: number;
  /** Class of the rows where the rule holds; null for a rule over many values. */
  present: string | null;
  absent: string | null;
  /** Rows where the rule holds, in all and by class. */
  support: number;
  supportByClass: Readonly<Record<string, number>>;
  examples: RuleExample[];
  /** How many further phrases say the same. */
  alike: number;
  isWarning: boolean;
}

/** Above the share of the largest class by this much, or as good as WARN_ACCURACY and clearly above it: a warning. */
const WARN_LIFT = 0.2;
const WARN_ACCURACY = 0.85;
const CLEAR_LIFT = 0.05;
// The best of millions of phrases does well by luck in a small file; 5 standard errors are beyond that luck.
const STANDARD_ERRORS = 5;

export interface Score {
  accuracy: number;
  present: number;
  absent: number;
  support: number;
}

/** Where the largest number stands; the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

/** The classifier a rule makes. @param held rows of each class where it holds, @param totals rows of each class */
export function scoreRule(held: ArrayLike<number>, totals: ArrayLike<number>): Score {
  let rows = 0;
  let support = 0;
  const others = Array.from({ length: totals.length }, (_, k) => {
    rows += totals[k] ?? 0;
    support += held[k] ?? 0;
    return (totals[k] ?? 0) - (held[k] ?? 0);
  });
  const present = argmax(held);
  const absent = argmax(others);
  const right = (held[present] ?? 0) + (others[absent] ?? 0);
  return { accuracy: right / rows, present, absent, support };
}

/** Whether a rule of this accuracy deserves a warning in a set of `rows`, of which the largest class has a share of `majority`. */
export function isSuspicious(accuracy: number, majority: number, rows: number): boolean {
  const lift = accuracy - majority;
  const luck = STANDARD_ERRORS * Math.sqrt((majority * (1 - majority)) / rows);
  if (lift <= luck) return false;
  return lift >= WARN_LIFT || (accuracy >= WARN_ACCURACY && lift >= CLEAR_LIFT);
}

/** Up to `characters` of a text on one line, around the part from `start` to `end`. A copy: it does not keep the text. */
export function excerptAround(text: string, start: number, end: number, characters = 80): string {
  const room = Math.max(0, characters - (end - start));
  const from = Math.max(0, start - Math.floor(room / 2));
  const to = Math.min(text.length, Math.max(end, from + characters));
  const line = text.slice(from, to).toWellFormed().replaceAll(/\s+/g, " ");
  return Buffer.from(`${from > 0 ? "…" : ""}${line}${to < text.length ? "…" : ""}`).toString();
}
