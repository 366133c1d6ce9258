// The audit: two walks over the rows of up to three sets, and the report of what they show. Holds a few bytes a word,
// never the texts.

import type { Encoder } from "../encoded-block.ts";
import { inOrder } from "../label-set.ts";
import { ColumnRules, exampleOf } from "./column-rules.ts";
import { conflictingRows, type Copies, countCopies, type SetRange } from "./copies.ts";
import { DuplicateFinder } from "./near-duplicates.ts";
import { PhraseCounter } from "./phrases.ts";
import type { AuditReport, RowPlace } from "./report.ts";
import { argmax } from "./rule.ts";
import { Scanner } from "./scan.ts";
import { SetStatistics } from "./set-statistics.ts";
import { rankShortcuts } from "./shortcuts.ts";
import { type AuditSet, SeenLabels, walk, type WalkedRow } from "./walk.ts";
import { warningsOf } from "./warnings.ts";

export interface AuditOptions {
  /** Names for the files' label values. */
  labelNames?: Readonly<Record<string, string>> | undefined;
  /** Counts tokens; without one only words are counted. */
  encoder?: Encoder | undefined;
  /** In tokens, for the shares of cut texts and of padding. */
  maxLength: number;
  /** Called between the walks, while near-duplicates are sought, with the share done, in [0, 1]. May be awaited. */
  onCopies?: ((share: number) => void | Promise<void>) | undefined;
}

const CONFLICT_EXAMPLES = 3;

/**
 * Audits one data set, or training, validation and test sets in this order: sizes, lengths, copies inside and across
 * sets, contradicting labels, and the single questions about a row that tell its class.
 * Reads each file twice. Throws what `walk` throws.
 */
export async function audit(
  sets: readonly AuditSet[],
  options: AuditOptions,
): Promise<AuditReport> {
  const first = new FirstWalk(sets, options.labelNames);
  for await (const row of walk(sets, first.labels)) first.add(row);
  const { labels, statistics, ranges, phrases } = first;
  const groups = await first.finder.groups(options.onCopies);
  const copies = countCopies(groups, ranges);
  const conflicts = conflictingRows(groups.folded, first.rowLabels);

  const { names } = labels;
  const order = inOrder(labels.values).map((value) => labels.values.indexOf(value));
  phrases.choose(labels.totals);
  const shownConflicts = conflicts.slice(0, CONFLICT_EXAMPLES).map((rows) => rows.slice(0, 2));
  const wanted = new Set([...copies.pairs.flatMap(({ rows }) => rows), ...shownConflicts.flat()]);
  const places = new Map<number, RowPlace>();
  const counted = first.columnRules().flatMap((column) => column.rules(labels.totals));
  for await (const row of walk(sets, labels)) {
    first.findPhrases(row, names);
    if (options.encoder) first.statisticsOf(row.set).sample(row.text, options.encoder);
    if (wanted.has(row.row)) places.set(row.row, placeOf(row, names));
  }

  const place = (row: number): RowPlace[] => [places.get(row)].filter((at) => at !== undefined);
  const examples = copies.pairs.flatMap(({ sameness, rows: [a, b] }) => {
    const [one, other] = [...place(a), ...place(b)];
    return one && other ? [{ sameness, rows: [one, other] satisfies [RowPlace, RowPlace] }] : [];
  });
  const rows = first.rowLabels.length;
  const { pairs: _, ...duplicates }: Copies = copies;
  for (const rule of counted)
    for (const example of rule.examples) nameLabel(example, labels, names);
  const report: Omit<AuditReport, "warnings"> = {
    rows,
    labels: order.map((id) => names[id] ?? ""),
    textColumns: [...first.textColumns],
    ownColumns: first.ownColumns,
    sets: statistics.map((set) => set.report(names, order, options.maxLength)),
    duplicates: { ...duplicates, examples: examples },
    conflicts: {
      texts: conflicts.length,
      rows: conflicts.flat().length,
      examples: shownConflicts.map((group) => group.flatMap(place)),
    },
    majority: (labels.totals[argmax(labels.totals)] ?? 0) / rows,
    shortcuts: rankShortcuts(counted, phrases.phrases(), labels.totals, names, first.columns),
  };
  return { ...report, warnings: warningsOf(report) };
}

function nameLabel(example: { label: string }, labels: SeenLabels, names: readonly string[]): void {
  example.label = names[labels.values.indexOf(example.label)] ?? example.label;
}

function placeOf(row: WalkedRow, names: readonly string[]): RowPlace {
  return exampleOf({ ...row, labelName: names[row.label] ?? row.labelName }, row.text, 0, 0);
}

/** What the first walk collects, and the parts of it that the second completes. */
class FirstWalk {
  readonly labels: SeenLabels;
  readonly finder = new DuplicateFinder();
  readonly statistics: SetStatistics[];
  readonly ranges: SetRange[] = [];
  readonly rowLabels: number[] = [];
  /** Of the first set. */
  textColumns: readonly string[] = [];
  readonly ownColumns: Record<string, string[]> = {};
  /** Names of the columns the phrases and rules are about: text columns by place, others by name. */
  readonly columns: string[] = [];
  readonly #rules: ColumnRules[] = [];
  readonly #scanner = new Scanner();
  readonly phrases = new PhraseCounter(this.#scanner);

  constructor(sets: readonly AuditSet[], labelNames: AuditOptions["labelNames"]) {
    this.labels = new SeenLabels(labelNames);
    this.statistics = sets.map(({ name, file }) => new SetStatistics(name, file));
  }

  add(row: WalkedRow): void {
    this.labels.totals[row.label] = (this.labels.totals[row.label] ?? 0) + 1;
    this.rowLabels.push(row.label);
    let range = this.ranges.at(-1);
    if (range?.name !== row.set)
      this.ranges.push((range = { name: row.set, start: row.row, end: row.row }));
    range.end = row.row + 1;
    if (this.textColumns.length === 0) {
      this.textColumns = row.textColumns;
      this.columns.push(...row.textColumns);
    }
    if (row.textColumns[0] !== this.textColumns[0]) this.ownColumns[row.set] = [...row.textColumns];
    const folded = this.finder.add(row.text);
    let words = 0;
    this.#forEachCell(row, (cell, index, isText) => {
      this.phrases.count({ index, withHead: isText }, row.row, row.label);
      const { count } = this.#scanner.tokens;
      if (isText) words += count;
      const rules = (this.#rules[index] ??= new ColumnRules(this.columns[index] ?? "", isText));
      rules.add(cell, count, row);
    });
    this.statisticsOf(row.set).add(row.label, words, folded === 0);
  }

  findPhrases(row: WalkedRow, names: readonly string[]): void {
    const facts = { ...row, labelName: names[row.label] ?? row.labelName };
    this.#forEachCell(row, (cell, index, isText) => {
      this.phrases.find({ index, withHead: isText }, cell, facts, this.labels.totals.length);
    });
  }

  columnRules(): readonly ColumnRules[] {
    return this.#rules;
  }

  statisticsOf(set: string): SetStatistics {
    const found = this.statistics.find(({ name }) => name === set);
    return found ?? this.statistics[0]!;
  }

  #forEachCell(
    { cells, textColumns, otherColumns }: WalkedRow,
    visit: (cell: string, index: number, isText: boolean) => void,
  ): void {
    const each = (column: string, index: number, isText: boolean): void => {
      const cell = cells[column] ?? "";
      this.#scanner.scan(cell);
      visit(cell, index, isText);
    };
    textColumns.forEach((column, i) => each(column, i, true));
    for (const column of otherColumns) {
      // Not among the text columns: a name may be text in one set and not in another.
      let index = this.columns.indexOf(column, this.textColumns.length);
      if (index === -1) index = this.columns.push(column) - 1;
      each(column, index, false);
    }
  }
}
