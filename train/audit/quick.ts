// The cheap part of the audit, on sets that are in memory: what a person should know before a model trains for an hour.

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Example } from "../dataset.ts";
import { listed } from "../listed.ts";
import { ColumnRules } from "./column-rules.ts";
import { PhraseCounter, type RowFacts } from "./phrases.ts";
import { argmax, isSuspicious } from "./rule.ts";
import { Scanner } from "./scan.ts";
import { rankShortcuts } from "./shortcuts.ts";
import { emptySentence, number, percent, ruleSentence } from "./warnings.ts";

const ROWS_PER_TURN = 256;
const MOST_RULES = 3;
const BLUR = 0.01;

/**
 * Warnings about classes without a training row, exact copies across the sets, single words, blanks and characters that
 * tell the class in the first set, and empty texts. Takes seconds for 60,000 articles.
 * @param sets in the order train, validation, test; @param names of the classes by id
 */
export async function quickWarnings(
  sets: readonly { readonly name: string; readonly examples: readonly Example[] }[],
  names: readonly string[],
): Promise<string[]> {
  const { examples = [], name: set = "" } = sets[0] ?? {};
  const totals = names.map(() => 0);
  for (const { label } of examples) totals[label] = (totals[label] ?? 0) + 1;
  const warnings = [...unlearnt(names, totals), ...(await leaks(sets))];
  const scanner = new Scanner();
  // Of a text's characters every eighth begins a word it has not had before, or far fewer; it counts as written and folded.
  const characterCount = examples.reduce((sum, { text }) => sum + text.length, 0);
  const phrases = new PhraseCounter(scanner, { longest: 1, phrases: characterCount / 4 });
  const column = { index: 0, withHead: false };
  const characters = new ColumnRules("text", true);
  const each = async (visit: (text: string, facts: RowFacts) => void): Promise<void> => {
    for (const [row, { text, label }] of examples.entries()) {
      scanner.scan(text);
      visit(text, { row, set, record: row + 1, label, labelName: names[label] ?? "" });
      if (row % ROWS_PER_TURN === 0) await setImmediate(); // for Ctrl-C
    }
  };
  await each((text, facts) => {
    phrases.count(column, facts.row, facts.label);
    characters.add(text, scanner.tokens.count, facts);
  });
  const majority = (totals[argmax(totals)] ?? 0) / examples.length;
  // Rare words in the slot of a telling one blur it by less than this.
  const isWanted = (accuracy: number): boolean =>
    isSuspicious(accuracy + BLUR, majority, examples.length);
  if (phrases.choose(totals, isWanted))
    await each((text, facts) => phrases.find(column, text, facts, names.length));
  const counted = characters.rules(totals).filter(({ kind }) => kind !== "length");
  const rules = rankShortcuts(counted, phrases.phrases(), totals, names, ["text"]);
  const suspicious = rules.filter(({ isWarning }) => isWarning);
  for (const rule of suspicious.slice(0, MOST_RULES)) warnings.push(ruleSentence(rule));
  for (const { name, examples } of sets) {
    const empty = examples.filter(({ text }) => !/[\p{L}\p{N}]/u.test(text)).length;
    if (empty > 0) warnings.push(emptySentence(empty, name));
  }
  return warnings;
}

/** Rare classes may all fall into the other sets. */
function unlearnt(names: readonly string[], totals: readonly number[]): string[] {
  const none = names.filter((_, id) => totals[id] === 0);
  if (none.length === 0) return [];
  return [`train has no row of ${listed(none)}: a model cannot learn what it never sees`];
}

async function leaks(
  sets: readonly { readonly name: string; readonly examples: readonly Example[] }[],
): Promise<string[]> {
  const warnings: string[] = [];
  // V8 hashes strings of 16,384 characters and more by their length alone, which thousands that a sheet cut may share.
  const keyOf = (text: string): string =>
    text.length < 16_384 ? text : createHash("sha256").update(text).digest("base64");
  const texts: Set<string>[] = [];
  for (const { name, examples } of sets) {
    const own = new Set<string>();
    const copies = texts.map(() => 0);
    for (const { text } of examples) {
      if (!/\S/.test(text)) continue;
      const key = keyOf(text);
      own.add(key);
      texts.forEach((seen, i) => (copies[i] = (copies[i] ?? 0) + Number(seen.has(key))));
    }
    copies.forEach((count, i) => {
      if (count === 0) return;
      const share = percent(count / examples.length);
      warnings.push(
        `${number(count)} of the ${name} rows (${share}) stand in ${sets[i]?.name} too`,
      );
    });
    texts.push(own);
    await setImmediate();
  }
  return warnings;
}
