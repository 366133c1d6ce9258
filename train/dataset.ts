// From the records of a data file to texts with class numbers: which columns are text, which classes there are.

import { DataError } from "../engine/errors.ts";
import { type CsvFormat, type CsvRow, type CsvSource, readRows } from "./csv.ts";
import { isJsonl, readJsonl } from "./jsonl.ts";
import { LabelSet, missingNumber, oneSpelling, requireFewClasses } from "./label-set.ts";
import { listed, shortName } from "./listed.ts";

/** One text and its class number. */
export interface Example {
  text: string;
  label: number;
  /** Characters of the first text column, with which the text begins; only where there are several columns. */
  titleLength?: number;
}

/** A labelled data set in memory. */
export interface ExampleSet {
  examples: Example[];
  labels: LabelSet;
  /** The columns the text was joined from, in order. */
  textColumns: readonly string[];
  /** How the file spells the classes, by id; those it does not have are missing. */
  spellings: ReadonlyMap<number, string>;
}

/** Which columns hold what, with the defaults of `chooseTextColumns` and "label"; and how the file is written. */
export interface ColumnOptions extends CsvFormat {
  textColumns?: readonly string[] | undefined;
  /** Those a model was trained on: taken where none are named and the file has them all. */
  trainedColumns?: readonly string[] | undefined;
  labelColumn?: string | undefined;
}

/** The records of a file: JSON lines by its name (.jsonl, .ndjson, .json), else delimited text. Throws what the readers throw. */
export function readTable(
  source: CsvSource,
  format: CsvFormat = {},
): AsyncGenerator<CsvRow, void, undefined> {
  return isJsonl(source) ? readJsonl(source) : readRows(source, format);
}

// Looked for in this order: first a title with a body column, the reference's own pair in front, then one column alone.
const BODY_COLUMNS = ["enhanced_cleaned_text", "text", "content", "body", "description"] as const;
const SINGLE_COLUMNS = [
  "text",
  "tweet",
  "statement",
  "sentence",
  "content",
  "body",
  "description",
  "headline",
  "title",
] as const;
const RECORDS_NAMED = 5;

/** What `chooseTextColumns` goes by besides the columns. */
type ChoiceArguments = [
  wanted: readonly string[] | undefined,
  where: string,
  trained?: readonly string[],
];

/**
 * The columns a text is joined from. Wanted ones must all exist. Without a wish: the trained ones if all exist; else "title" with the first there is of
 * enhanced_cleaned_text, text, content, body, description; else the first there is of text, tweet, statement, sentence,
 * content, body, description, headline, title.
 * @param where names the file in errors
 * Throws DataError that names the columns there are.
 */
export function chooseTextColumns(
  columns: readonly string[],
  ...[wanted, where, trained]: ChoiceArguments
): readonly string[] {
  if (wanted !== undefined) {
    for (const column of wanted) requireColumn(columns, column, "text", where);
    return wanted;
  }
  if (trained?.every((column) => columns.includes(column)) === true) return trained;
  const body = BODY_COLUMNS.find((column) => columns.includes(column));
  if (columns.includes("title") && body !== undefined) return ["title", body];
  const single = SINGLE_COLUMNS.find((column) => columns.includes(column));
  if (single !== undefined) return [single];
  throw new DataError(
    `${where}: a text column must be one of ${SINGLE_COLUMNS.join(", ")}; got the columns ${columns.join(", ")}. Name yours.`,
  );
}

/**
 * Throws DataError for a record that has a column the first one lacks, where `chooseTextColumns` would choose others with it:
 * its text would be read without.
 */
export function requireSameChoice(
  { columns, further, record }: CsvRow,
  chosen: readonly string[],
  ...[wanted, where, trained]: ChoiceArguments
): void {
  if (further === undefined) return;
  const all = chooseTextColumns([...columns, ...further], wanted, where, trained);
  if (all.join() === chosen.join()) return;
  throw new DataError(
    `${where}, record ${record}: its text columns must be those of the first record, ${chosen.join(" + ")}; got ${all.join(" + ")}. Name them with --text-columns.`,
  );
}

/** Throws DataError for a record that has columns the first one lacks: what is written would lack them too. */
export function requireNoFurther({ further, record }: CsvRow, where: string): void {
  if (further === undefined) return;
  throw new DataError(
    `${where}, record ${record}: its keys must be among those of the first record; got ${listed(further)} too. Give the first record every key, null where it has none.`,
  );
}

/** A file and its text columns. */
export interface TextColumnsOf {
  readonly file: string;
  readonly textColumns: readonly string[];
}

/**
 * Throws DataError for a set whose text would be made of other columns than the first one's. One column each may differ in
 * name: files of one corpus do so.
 */
export function requireSameTextColumns(first: TextColumnsOf, other: TextColumnsOf): void {
  const [wanted, got] = [first.textColumns, other.textColumns];
  if (wanted.length === got.length && (got.length === 1 || got.join() === wanted.join())) return;
  throw new DataError(
    `${other.file}: its text columns must be those of ${first.file}, ${wanted.join(" + ")}; got ${got.join(" + ")}. Name them with --text-columns.`,
  );
}

/** The text of a row: its text columns joined with one space, an empty cell as "", as the reference does. */
export function joinText(
  row: Readonly<Record<string, string>>,
  textColumns: readonly string[],
): string {
  return textColumns.map((column) => row[column] ?? "").join(" ");
}

/** Throws DataError that names the columns there are when `column` is not one. @param role what it is for, @param where the file, both for the message */
export function requireColumn(
  columns: readonly string[],
  column: string,
  role: string,
  where: string,
): void {
  if (columns.includes(column)) return;
  throw new DataError(
    `${where}: the ${role} column ${JSON.stringify(column)} must exist; got the columns ${columns.join(", ")}.`,
  );
}

/** A row's text, and its label as the file spells it, without white space around it. */
export interface LabelledText {
  text: string;
  /** Characters of the first text column, with which the text begins; 0 where it is the only one. */
  titleLength: number;
  label: string;
  record: number;
  textColumns: readonly string[];
}

/**
 * Streams texts and labels of a CSV or JSON lines file in bounded memory; labels are not checked.
 * Throws what `readTable` throws, and DataError for a missing column.
 */
export async function* readLabelled(
  source: CsvSource,
  { textColumns: wanted, trainedColumns, labelColumn = "label", ...format }: ColumnOptions = {},
): AsyncGenerator<LabelledText, void, undefined> {
  const where = nameOf(source);
  let textColumns: readonly string[] | undefined;
  for await (const csvRow of readTable(source, format)) {
    const { row, columns, record } = csvRow;
    if (textColumns === undefined) {
      requireColumn(columns, labelColumn, "label", where);
      textColumns = chooseTextColumns(columns, wanted, where, trainedColumns);
      if (textColumns.includes(labelColumn)) {
        throw new DataError(
          `${where}: the label column must not be a text column; got ${JSON.stringify(labelColumn)} as both. Name other text columns.`,
        );
      }
    }
    requireSameChoice(csvRow, textColumns, wanted, where, trainedColumns);
    const label = (row[labelColumn] ?? "").trim();
    const text = joinText(row, textColumns);
    const [title = "", ...others] = textColumns;
    const titleLength = others.length > 0 ? (row[title] ?? "").length : 0;
    yield { text, titleLength, label, record, textColumns };
  }
}

/**
 * Loads a labelled file whole.
 * @param options.labels the classes of the training set, for validation and test files; without it they are taken from the file
 * @param options.labelNames names for the file's label values, {"0": "fake", "1": "real"}; without it values are names
 * Throws DataError, with record numbers, for a file without records, an empty label, a label that is not in `labels` or
 * `labelNames`, a class spelled in two ways, and, where the classes are taken from the file, for a single class or so many
 * that the column can hardly be the label.
 */
export async function loadExamples(
  source: CsvSource,
  options: ColumnOptions & {
    labels?: LabelSet | undefined;
    labelNames?: Readonly<Record<string, string>> | undefined;
  } = {},
): Promise<ExampleSet> {
  const where = nameOf(source);
  const labelColumn = options.labelColumn ?? "label";
  const texts: Omit<Example, "label">[] = [];
  const values: string[] = [];
  const spelled = new Map<string, string>();
  let textColumns: readonly string[] = [];
  for await (const { text: cells, label, titleLength, ...example } of readLabelled(
    source,
    options,
  )) {
    textColumns = example.textColumns;
    // A cell is a view into its block of the file and would keep all of it; a copy lets the other columns go, and one
    // of each label is enough.
    const text = Buffer.from(cells).toString();
    texts.push(textColumns.length > 1 ? { text, titleLength } : { text });
    let value = spelled.get(label);
    if (value === undefined) {
      value = Buffer.from(label).toString();
      spelled.set(value, value);
    }
    values.push(value);
  }
  if (texts.length === 0) {
    throw new DataError(`${where}: must have records; got a header only.`);
  }
  refuseRecords(
    values,
    (value) => value === "",
    () =>
      `${where}: each record must have a label in ${JSON.stringify(labelColumn)}; got an empty one`,
  );

  if (options.labels === undefined && options.labelNames === undefined) {
    const missing = missingNumber(new Set(values));
    refuseRecords(
      values,
      (value) => value === missing,
      (value) =>
        `${where}: each record must have a label in ${JSON.stringify(labelColumn)}; got ${JSON.stringify(value)} among numbers`,
      " Remove such records.",
    );
    requireFewClasses(where, labelColumn, values);
  }
  const labels = options.labels ?? LabelSet.fromValues(values, options.labelNames);
  refuseRecords(
    values,
    (value) => labels.idOf(value) === -1,
    (value) => {
      const known = options.labels === undefined ? "named" : "seen in training";
      return `${where}: labels must be ones ${known} (${listed(labels.names)}); got ${JSON.stringify(shortName(value))}`;
    },
    " Correct them, or say which class each value is with --label-names.",
  );
  const spellings = oneSpelling(where, new Set(values), (value) => labels.idOf(value));
  const ids = values.map((value) => labels.idOf(value));
  if (options.labels === undefined && ids.every((id) => id === ids[0])) {
    throw new DataError(
      `${where}: there must be at least two classes; got only ${JSON.stringify(shortName(values[0] ?? ""))} in records 1 to ${values.length}.`,
    );
  }
  return {
    examples: texts.map((text, i) => ({ ...text, label: ids[i] ?? 0 })),
    labels,
    textColumns,
    spellings,
  };
}

function nameOf(source: CsvSource): string {
  return typeof source === "string" ? source : source.name;
}

/** Throws when a label is bad; the message names the first records with it. */
function refuseRecords(
  values: readonly string[],
  isBad: (value: string) => boolean,
  problem: (value: string) => string,
  remedy = "",
): void {
  const bad = values.flatMap((value, i) => (isBad(value) ? [i + 1] : []));
  const first = bad[0];
  if (first === undefined) return;
  const named = bad.slice(0, RECORDS_NAMED).join(", ");
  const more = bad.length > RECORDS_NAMED ? ` and ${bad.length - RECORDS_NAMED} more` : "";
  throw new DataError(
    `${problem(values[first - 1] ?? "")} in ${bad.length === 1 ? "record" : "records"} ${named}${more}.${remedy}`,
  );
}
