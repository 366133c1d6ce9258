// What a report says to worry about, a sentence each.

import { listed, shortName } from "../listed.ts";
import type { AuditReport, CopyCounts } from "./report.ts";
import type { Rule } from "./rule.ts";

const MOST_RULES = 5;
const MANY_COPIES = 0.01;

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function number(n: number): string {
  return n.toLocaleString("en");
}

/** "title has an ALL-CAPS word … alone classifies 88.2 % of the rows (0 where it holds, in 19,224 rows; 1 elsewhere)". */
export function ruleSentence(rule: Rule): string {
  const { description, accuracy, present, absent, support } = rule;
  const direction =
    present === null
      ? ""
      : ` (${present} where it holds, in ${number(support)} rows; else ${absent})`;
  return `${description}: this alone classifies ${percent(accuracy)} of the rows${direction}`;
}

export function emptySentence(count: number, set: string): string {
  return `${number(count)} of the ${set} rows have an empty text`;
}

/** Sets with classes that the training set lacks, which `train` refuses. */
function unknownClasses(sets: AuditReport["sets"]): string[] {
  const train = sets.find(({ name }) => name === "train");
  if (!train) return [];
  return sets.flatMap(({ name, classes }) => {
    const unknown = Object.entries(classes).filter(([label, n]) => n > 0 && !train.classes[label]);
    if (unknown.length === 0) return [];
    const rows = unknown.reduce((sum, [, n]) => sum + n, 0);
    const labels = listed(unknown.map(([label]) => label));
    return [`${number(rows)} of the ${name} rows have a class that train lacks: ${labels}`];
  });
}

/** A single class in all sets, which `train` refuses. */
function singleClass({ labels }: Pick<AuditReport, "labels">): string[] {
  const [only, ...others] = labels;
  return only === undefined || others.length > 0
    ? []
    : [`all rows are of one class, ${shortName(only)}: there is nothing to tell apart`];
}

/** In the order of how much they inflate a score, after what `train` would refuse: leaks, shortcuts, contradictions, copies, empty texts. */
export function warningsOf(report: Omit<AuditReport, "warnings">): string[] {
  const { duplicates, conflicts, sets, shortcuts } = report;
  const leaks = duplicates.across
    .filter(({ rows }) => rows.near > 0)
    .map(
      ({ set, of, rows, share }) =>
        `${number(rows.near)} of the ${set} rows (${percent(share)}) stand in ${of} too${meanings(rows)}`,
    );
  const rules = shortcuts.filter(({ isWarning }) => isWarning);
  const rest = rules.length - MOST_RULES;
  const contradictions =
    conflicts.texts === 0
      ? []
      : [
          `${number(conflicts.texts)} texts stand under more than one label, in ${number(conflicts.rows)} rows`,
        ];
  const copies = sets.flatMap(({ name, rows }) => {
    const copied = duplicates.inside[name];
    if (!copied || copied.near < MANY_COPIES * rows) return [];
    const share = percent(copied.near / rows);
    return [
      `${number(copied.near)} of the ${name} rows (${share}) copy an earlier one${meanings(copied)}`,
    ];
  });
  const empty = sets.flatMap(({ name, empty: n }) => (n === 0 ? [] : [emptySentence(n, name)]));
  return [
    ...singleClass(report),
    ...unknownClasses(sets),
    ...leaks,
    ...rules.slice(0, MOST_RULES).map((rule) => `shortcut: ${ruleSentence(rule)}`),
    ...(rest > 0 ? [`${rest} more shortcuts are as suspicious`] : []),
    ...contradictions,
    ...copies,
    ...empty,
  ];
}

/** How exact the copies are; nothing where all are exact. */
function meanings({ exact, folded, near }: CopyCounts): string {
  if (exact === near) return "";
  const parts = [
    ...(exact > 0 ? [`${number(exact)} exactly`] : []),
    ...(folded > exact ? [`${number(folded - exact)} but for case or punctuation`] : []),
    ...(near > folded ? [`${number(near - folded)} nearly`] : []),
  ];
  return ` (${parts.join(", ")})`;
}
