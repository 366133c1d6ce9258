// Rules about the characters of a cell, not its words: character classes, capitals, blanks at the ends, links.

/** A yes-or-no question about a cell. */
export interface Trait {
  kind: "characters" | "blanks";
  /** For a reader, after the column's name: "ends with a blank". */
  description: string;
  /** What holds; where the pattern matches is shown as the example. */
  pattern: RegExp;
}

export const TRAITS: readonly Trait[] = [
  { kind: "blanks", description: "is blank", pattern: /^\s*$/ },
  { kind: "blanks", description: "starts with a blank", pattern: /^\s/ },
  { kind: "blanks", description: "ends with a blank", pattern: /\s$/ },
  { kind: "blanks", description: "has two blanks in a row", pattern: /\S {2,}(?=\S)/ },
  { kind: "blanks", description: "has a line break", pattern: /[\r\n]/ },
  { kind: "blanks", description: "has a no-break space", pattern: /\u00a0/ },
  { kind: "characters", description: "has a character outside ASCII", pattern: /[^\0-\x7f]/ },
  { kind: "characters", description: "has a curly quote", pattern: /[\u2018-\u201f]/ },
  { kind: "characters", description: "has a straight double quote", pattern: /"/ },
  { kind: "characters", description: "has a digit", pattern: /\d/ },
  { kind: "characters", description: "has a capital letter", pattern: /\p{Lu}/u },
  {
    kind: "characters",
    description: "has an ALL-CAPS word of 4 or more letters",
    // A bound, for V8 keeps a place for each repetition and has room for some millions: a genome is one word of capitals.
    pattern: /(?<![\p{L}\p{N}])\p{Lu}{4,64}(?![\p{L}\p{N}])/u,
  },
  { kind: "characters", description: "has a bracket [ or ]", pattern: /[[\]]/ },
  { kind: "characters", description: "has an exclamation or question mark", pattern: /[!?]/ },
  {
    kind: "characters",
    description: "has a link",
    pattern: /https?:\/\/|\bwww\.|pic\.twitter\.com/i,
  },
  { kind: "characters", description: "has an @handle", pattern: /(?<![\w.])@\w/ },
  { kind: "characters", description: "has a #hashtag", pattern: /(?<![\w&])#\w/ },
];
