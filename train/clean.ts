// The rules of `albert-gpu clean`, each by its name: what it changes in a text, and nothing else.

/** A rule that changes a cell. */
export interface CellRule {
  readonly name: "dropDateline" | "stripUrls" | "foldQuotes" | "trim";
  /** Whether it applies to every column, or to the text columns alone. */
  readonly everyColumn: boolean;
  readonly apply: (cell: string) => string;
}

// "WASHINGTON (Reuters) - ", "SEOUL/BEIJING (Reuters) - ", "(AP) — ": a place, an agency in brackets, a dash.
const DATELINE = /^\s*[^()\n]{0,100}\(\p{Lu}[\p{L}\p{N} .&/]{1,40}\)\s*[-\u2012-\u2015]+\s*/u;
// To the next blank or bracket that is not the link's own, less the sentence's punctuation behind it.
// Its blanks are looked at from the first one only, or a run of them would take the square of its length.
const URL =
  /(?<![ \t])[ \t]*(?:https?:\/\/|www\.|pic\.twitter\.com\/)(?:[^\s()]|\([^\s()]*\))+(?<![.,;:!?'"\]}’”»])/gi;
const DOUBLE_QUOTES = /[\u201c-\u201f\u00ab\u00bb]/g;
const SINGLE_QUOTES = /[\u2018-\u201b]/g;

/** In the order in which they are applied: a blank that one leaves at an end is trimmed by the last. */
export const CELL_RULES: readonly CellRule[] = [
  {
    name: "dropDateline",
    everyColumn: false,
    apply: (cell) => cell.replace(DATELINE, ""),
  },
  {
    name: "stripUrls",
    everyColumn: false,
    apply: (cell) => cell.replaceAll(URL, ""),
  },
  {
    name: "foldQuotes",
    everyColumn: false,
    apply: (cell) => cell.replaceAll(DOUBLE_QUOTES, '"').replaceAll(SINGLE_QUOTES, "'"),
  },
  {
    name: "trim",
    everyColumn: true, // a blank at the end of a date tells as much as one at the end of a text
    apply: (cell) => cell.trim(),
  },
];
