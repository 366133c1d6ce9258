// `albert-gpu audit`: what is in the data before a model learns from it: sizes, copies, contradictions, shortcuts.

import { stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { Tokenizer } from "../../model/index.ts";
import {
  audit,
  type AuditReport,
  type AuditSet,
  number,
  percent,
  type RowPlace,
  type Rule,
} from "../../train/audit/index.ts";
import { listedCounts } from "../../train/listed.ts";
import { readFileChunks } from "../../train/text-blocks.ts";
import {
  checkFormat,
  delimiterOf,
  type LabelledRecordOptions,
  ownText,
  requireFile,
  SETS,
} from "../data.ts";
import { UsageError } from "../errors.ts";
import { modelFolder } from "../model-folder.ts";
import { Printer } from "../printer.ts";

export interface AuditCommandOptions extends LabelledRecordOptions {
  /** One file; or else `train` with or without the others. */
  readonly file?: string | undefined;
  readonly train?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  /** In tokens. */
  readonly maxLength: number;
  readonly json: boolean;
}

const LABEL_WIDTH = 13;
// Rules in the printed list: more of those to worry about.
const MOST_WARNINGS = 15;
const MOST_OTHERS = 5;
const EXAMPLES = 2;

/** Prints the report, or with `json` leaves that to the caller. Throws UsageError for options that do not go together. */
export async function auditCommand(options: AuditCommandOptions): Promise<AuditReport> {
  const files = filesOf(options);
  if (options.model !== undefined && options.tokenizer !== undefined) {
    throw new UsageError("audit: give either --model DIR or --tokenizer FILE; got both.");
  }
  checkFormat(
    "audit",
    options,
    files.map(({ file }) => file),
  );
  const printer = new Printer(options.json);
  for (const { file } of files) await requireFile(file);
  const sizes = await Promise.all(files.map(async ({ file }) => (await stat(file)).size));
  const path =
    options.model === undefined
      ? options.tokenizer
      : await modelFolder(printer, options.model, "tokenizer");
  const encoder = path === undefined ? undefined : await Tokenizer.load(path);

  const total = 2 * sizes.reduce((sum, size) => sum + size, 0); // each file is read twice
  const progress = printer.progress("audit", Math.ceil(total / 1e6));
  let bytes = 0;
  async function* chunks(file: string): AsyncGenerator<Uint8Array> {
    for await (const chunk of readFileChunks(file)) {
      bytes += chunk.length;
      progress.update(Math.ceil(bytes / 1e6), "MB");
      yield chunk;
    }
  }
  const { textColumns, labelColumn, quotes, columns, labelNames, maxLength } = options;
  const sets = files.map(({ name, file }): AuditSet => {
    const delimiter = delimiterOf(file, options.delimiter);
    const format = { textColumns, labelColumn, delimiter, quotes, columns };
    return { name, file, open: () => ({ name: file, chunks: chunks(file) }), format };
  });
  const onCopies = async (share: number): Promise<void> => {
    progress.update(Math.ceil(bytes / 1e6), `MB, looking for copies (${percent(share)})`);
    await setImmediate(); // lets the bar be drawn, and Ctrl-C be heard
  };
  try {
    const report = await audit(sets, { labelNames, encoder, maxLength, onCopies });
    progress.stop();
    if (!options.json) printReport(printer, report);
    return report;
  } finally {
    progress.stop();
  }
}

function filesOf(options: AuditCommandOptions): { name: string; file: string }[] {
  const named = SETS.flatMap((name) => {
    const file = options[name];
    return file === undefined ? [] : [{ name, file }];
  });
  if (options.file !== undefined) {
    if (named.length === 0) return [{ name: "data", file: options.file }];
    throw new UsageError("audit: give either FILE, or --train and further sets; got both.");
  }
  if (named.length === 0) {
    throw new UsageError(
      "audit: data is needed: FILE, or --train FILE [--validation FILE] [--test FILE].",
    );
  }
  return named;
}

function printReport(printer: Printer, report: AuditReport): void {
  const line = (label: string, text: string): void =>
    printer.line(`${label.padEnd(LABEL_WIDTH)}${text}`);
  line("text", `${report.textColumns.join(" + ")}${ownText(report.ownColumns)}`);
  printSizes(printer, report);
  printer.line();
  printCopies(printer, report);
  printer.line();
  printShortcuts(printer, report);
  printer.line();
  if (report.warnings.length === 0) printer.line("no warnings");
  for (const warning of report.warnings) line("warning", warning);
}

function printSizes(printer: Printer, { sets, labels }: AuditReport): void {
  for (const { name, rows, classes } of sets) {
    const counts = labels.map((label) => classes[label] ?? 0);
    const shown = listedCounts(labels, counts, number);
    printer.line(`${name.padEnd(LABEL_WIDTH)}${number(rows)} rows (${shown})`);
  }
  printer.line();
  const head = ["lengths", "median", "95 %", "longest", "mean", "empty texts"];
  printer.table([
    head,
    ...sets.flatMap(({ name, words, tokens, empty }) => {
      const cells = ({ median, p95, max, mean }: typeof words): string[] =>
        [median, p95, max, mean].map((n) => number(Math.round(n)));
      const rows = [[`${name}, words`, ...cells(words), number(empty)]];
      if (tokens) rows.push([`${name}, tokens`, ...cells(tokens), ""]);
      return rows;
    }),
  ]);
  for (const { name, tokens, rows } of sets) {
    if (!tokens) continue;
    const sample = tokens.texts < rows ? ` (of ${number(tokens.texts)} sampled texts)` : "";
    printer.line(
      `${name}: ${percent(tokens.truncated)} of the texts are cut at ${tokens.maxLength} tokens; padded to that, ${percent(tokens.padding)} is padding${sample}`,
    );
  }
}

function printCopies(printer: Printer, { duplicates, conflicts, sets }: AuditReport): void {
  const { inside, across, examples, nearJaccard, shingleWords } = duplicates;
  const head = ["rows that copy", "exactly", "but for case and punctuation", "nearly"];
  const row = (
    name: string,
    { exact, folded, near }: (typeof across)[number]["rows"],
  ): string[] => [name, ...[exact, folded, near].map(number)];
  printer.table([
    head,
    ...sets.flatMap(({ name }) => {
      const counts = inside[name];
      return counts ? [row(`an earlier ${name} row`, counts)] : [];
    }),
    ...across.map(({ set, of, rows }) => row(`${set}: a ${of} row`, rows)),
  ]);
  printer.line(
    `each number includes the one before it; nearly: at least ${nearJaccard} of all runs of ${shingleWords} words are shared`,
  );
  for (const { sameness, rows } of examples) {
    if (sameness === "exact") printer.line(`  exactly  ${both(rows)}: ${rows[0].excerpt}`);
    else {
      printer.line(`  ${sameness === "near" ? "nearly" : "folded"}   ${both(rows)}:`);
      for (const { excerpt } of rows) printer.line(`           ${excerpt}`);
    }
  }
  for (const rows of conflicts.examples) {
    const places = rows.map((at) => `${at.label} in ${where(at)}`).join(", ");
    printer.line(`  two labels: ${places}: ${rows[0]?.excerpt ?? ""}`);
  }
}

function both([a, b]: readonly [RowPlace, RowPlace]): string {
  return `${where(a)} and ${where(b)}`;
}

function where({ set, record }: { set: string; record: number }): string {
  return `${set} ${number(record)}`;
}

function printShortcuts(printer: Printer, { shortcuts, majority, labels }: AuditReport): void {
  printer.line(
    `shortcuts: single questions that tell the class (always the same: ${percent(majority)})`,
  );
  if (shortcuts.length === 0) printer.line("  none is better than that");
  const shown = shortcuts.filter(
    ({ isWarning }, i) => i < (isWarning ? MOST_WARNINGS : MOST_OTHERS),
  );
  for (const rule of shown) printRule(printer, rule, labels);
  const rest = shortcuts.length - shown.length;
  if (rest > 0) printer.line(`  and ${rest} more (--json shows them)`);
}

function printRule(printer: Printer, rule: Rule, labels: readonly string[]): void {
  const { accuracy, description, present, supportByClass, alike, examples, isWarning } = rule;
  const direction = present === null ? "" : ` -> ${present}`;
  const counts = labels.map((label) => supportByClass[label] ?? 0);
  const support = listedCounts(labels, counts, number);
  const others = alike === 0 ? "" : `; ${alike} like it`;
  printer.line(
    `${isWarning ? "!" : " "} ${percent(accuracy).padStart(7)}  ${description}${direction} (${support}${others})`,
  );
  if (!isWarning) return;
  for (const example of examples.slice(0, EXAMPLES)) {
    printer.line(
      `             ${where(example)}, ${example.label}: ${JSON.stringify(example.excerpt)}`,
    );
  }
}
