// Parsers of option values. Each takes the text and gives the value, or throws commander's error, which names the option.

import { InvalidArgumentError } from "commander";
import { MIN_LENGTH } from "../model/tokenizer-files.ts";

/** An integer that a number holds exactly. */
function exact(text: string, form: RegExp, problem: string): number {
  const value = Number(text);
  if (!form.test(text)) throw new InvalidArgumentError(problem);
  if (!Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`it must be no further from 0 than ${Number.MAX_SAFE_INTEGER}.`);
  }
  return value;
}

export function natural(text: string): number {
  const problem = "it must be a positive integer.";
  const value = exact(text, /^\d+$/, problem);
  if (value < 1) throw new InvalidArgumentError(problem);
  return value;
}

export function count(text: string): number {
  return exact(text, /^\d+$/, "it must be an integer of at least 0.");
}

export function integer(text: string): number {
  return exact(text, /^-?\d+$/, "it must be an integer.");
}

function finite(text: string, isIn: (value: number) => boolean, problem: string): number {
  const value = Number(text);
  if (value === Infinity && /\d/.test(text)) {
    throw new InvalidArgumentError(`it must be at most ${Number.MAX_VALUE}.`);
  }
  if (text.trim() === "" || !Number.isFinite(value) || !isIn(value)) {
    throw new InvalidArgumentError(problem);
  }
  return value;
}

export function amount(text: string): number {
  return finite(text, (value) => value >= 0, "it must be a number of at least 0.");
}

export function positive(text: string): number {
  return finite(text, (value) => value > 0, "it must be a number above 0.");
}

// setTimeout takes no more milliseconds.
const MOST_SECONDS = 2_147_483;

export function seconds(text: string): number {
  const value = positive(text);
  if (value > MOST_SECONDS) throw new InvalidArgumentError(`it must be at most ${MOST_SECONDS}.`);
  return value;
}

export function length(text: string): number {
  const value = natural(text);
  if (value < MIN_LENGTH) {
    throw new InvalidArgumentError("it must be at least 3 tokens: [CLS], one of text, [SEP].");
  }
  return value;
}

/** One of these words. */
export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const found = names.find((name) => name === text);
    if (!found) throw new InvalidArgumentError(`it must be one of ${names.join(", ")}.`);
    return found;
  };
}

/** A TCP port, or 0. */
export function port(text: string): number {
  const value = count(text);
  if (value > 65_535) throw new InvalidArgumentError("it must be at most 65535.");
  return value;
}

/** One character, or the word tab, which is hard to type. */
export function delimiter(text: string): string {
  if (text === "tab" || text === "\\t") return "\t";
  if (text.length !== 1 || /["\r\n\uFEFF]/.test(text)) {
    throw new InvalidArgumentError("it must be one character, not a quote or a line end, or tab.");
  }
  return text;
}

/** "a,b" as a list of column names. */
export function columns(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("it must be column names, as in a,b.");
  if (new Set(names).size < names.length) {
    throw new InvalidArgumentError("it must name each column once.");
  }
  return names;
}

/** "70:15:15". */
export function ratios(text: string): [number, number, number] {
  const parts = text.split(":");
  const [train = NaN, validation = NaN, test = NaN] = parts.map(Number);
  if (parts.length !== 3 || !parts.every((part) => /^\d+(\.\d+)?$/.test(part)) || train <= 0) {
    throw new InvalidArgumentError("it must be three numbers, the first above 0, as in 70:15:15.");
  }
  return [train, validation, test];
}

/** "0=fake,1=real": names for the label values of a file. */
export function labelNames(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => pair.split("="));
  if (pairs.some((pair) => pair.length !== 2 || pair.includes(""))) {
    throw new InvalidArgumentError("it must be pairs, as in 0=fake,1=real.");
  }
  const named = pairs.map(([value, name]) => [value!.trim(), name!.trim()] as const);
  for (const side of [0, 1] as const) {
    if (new Set(named.map((pair) => pair[side])).size < named.length) {
      throw new InvalidArgumentError("its values must differ, and its names too.");
    }
  }
  return Object.fromEntries(named);
}
