// From everything that was counted to the few rules a person should see, best first.

import { type CountedRule, toRule } from "./column-rules.ts";
import { HEAD_CHARS, type Phrase } from "./phrases.ts";
import { argmax, isSuspicious, type Rule, scoreRule } from "./rule.ts";

const MOST = 25;
const MOST_PHRASES = 4; // of one column, of whole cells, and as many of their first characters
// A shorter phrase that is as good but for this much says it better.
const WORD_COST = 0.0005;

/**
 * The best rules, by accuracy; those that do no better than the largest class are left out.
 * Of phrases that share a word only the best is shown, with the number of the others.
 * @param totals rows of each class, @param names of the classes, @param columns names of the phrases' columns
 */
export function rankShortcuts(
  counted: readonly CountedRule[],
  phrases: readonly Phrase[],
  totals: readonly number[],
  names: readonly string[],
  columns: readonly string[],
): Rule[] {
  const rows = totals.reduce((sum, n) => sum + n, 0);
  const majority = (totals[argmax(totals)] ?? 0) / rows;
  const keyOf = ({ column, isExact, text }: Phrase): string => `${column} ${isExact} ${text}`;
  const accuracyOf = ({ held }: Phrase): number => scoreRule(held, totals).accuracy;
  const anywhere = new Map(
    phrases.filter(({ isHead }) => !isHead).map((phrase) => [keyOf(phrase), accuracyOf(phrase)]),
  );
  // Where a phrase stands is worth saying only if that tells more than the phrase.
  const telling = phrases.filter(
    (phrase) => !phrase.isHead || accuracyOf(phrase) > (anywhere.get(keyOf(phrase)) ?? 0),
  );
  const rules = [
    ...counted.map((rule) => toRule(rule, totals, names)),
    ...columns.flatMap((_, column) =>
      [false, true].flatMap((isHead) =>
        bestPhrases(
          telling.filter((phrase) => phrase.column === column && phrase.isHead === isHead),
          totals,
        ).map(({ phrase, alike }) => {
          const rule = describePhrase(phrase, columns[column] ?? "");
          return { ...toRule(rule, totals, names), alike };
        }),
      ),
    ),
  ];
  for (const rule of rules) rule.isWarning = isSuspicious(rule.accuracy, majority, rows);
  return rules
    .filter(({ accuracy }) => accuracy > majority)
    .sort((a, b) => b.accuracy - a.accuracy || a.description.length - b.description.length)
    .slice(0, MOST);
}

function describePhrase(phrase: Phrase, column: string): CountedRule {
  const { text, isExact, isHead, held, examples } = phrase;
  const how = isExact ? "" : " in any case";
  const where = isHead ? ` in its first ${HEAD_CHARS} characters` : "";
  const description = `${column} has ${JSON.stringify(text)}${how}${where}`;
  return { kind: "phrase", column, description, held, examples };
}

function bestPhrases(
  phrases: readonly Phrase[],
  totals: readonly number[],
): { phrase: Phrase; alike: number }[] {
  const scored = phrases.map((phrase) => {
    const words = phrase.text.split(" ").length;
    const merit = scoreRule(phrase.held, totals).accuracy - WORD_COST * (words - 1);
    return { phrase, merit, parts: partsOf(phrase.text) };
  });
  // Equal rules: as written before folded, then the shorter text, then by the alphabet, so that runs agree.
  scored.sort(
    (a, b) =>
      b.merit - a.merit ||
      Number(b.phrase.isExact) - Number(a.phrase.isExact) ||
      a.phrase.text.length - b.phrase.text.length ||
      (a.phrase.text < b.phrase.text ? -1 : 1),
  );
  const kept: { phrase: Phrase; parts: readonly string[]; alike: number }[] = [];
  for (const { phrase, parts } of scored) {
    const alike = kept.find((other) => other.parts.some((part) => parts.includes(part)));
    if (alike) alike.alike++;
    else kept.push({ phrase, parts, alike: 0 });
  }
  return kept.slice(0, MOST_PHRASES);
}

/** The words of a phrase in lower case, or the phrase itself where it has none. */
function partsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [text];
}
