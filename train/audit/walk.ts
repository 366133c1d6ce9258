// Walks over the labelled rows of all sets: each row with its number, its class and its text.

import { setImmediate } from "node:timers/promises";
import { DataError } from "../../engine/errors.ts";
import type { CsvSource } from "../csv.ts";
import {
  chooseTextColumns,
  type ColumnOptions,
  joinText,
  readTable,
  requireColumn,
  requireSameChoice,
  requireSameTextColumns,
  type TextColumnsOf,
} from "../dataset.ts";
import { MANY_CLASSES, oneSpelling } from "../label-set.ts";
import type { RowFacts } from "./phrases.ts";

/** A data set to audit. Its file is read twice, so `open` gives a new source each time. */
export interface AuditSet {
  name: string;
  file: string;
  open: () => CsvSource;
  format?: ColumnOptions;
}

export interface WalkedRow extends RowFacts {
  cells: Readonly<Record<string, string>>;
  text: string;
  textColumns: readonly string[];
  /** The columns that are neither text nor label. */
  otherColumns: readonly string[];
}

const ROWS_PER_TURN = 256;

/** The classes met so far, in order of appearance. A set that says a name and one that says its value mean one class. */
export class SeenLabels {
  readonly values: string[] = [];
  readonly totals: number[] = [];
  readonly #ids = new Map<string, number>();
  readonly #names: ReadonlyMap<string, string>;
  readonly #valueOf = new Map<string, string>();

  /** @param labelNames for the sets' label values */
  constructor(labelNames: Readonly<Record<string, string>> = {}) {
    this.#names = new Map(Object.entries(labelNames));
    for (const [value, name] of this.#names)
      if (!this.#names.has(name)) this.#valueOf.set(name, value);
  }

  /** Of `values`, in their order. */
  get names(): string[] {
    return this.values.map((value) => this.#names.get(value) ?? value);
  }

  idOf(label: string): number {
    const value = this.#valueOf.get(label) ?? label;
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.values.length;
      this.#ids.set(value, id);
      this.values.push(value);
      this.totals.push(0);
    }
    return id;
  }
}

/**
 * Every row of every set in order. Throws what reading throws, and DataError for a missing column, other text columns than
 * the first set's, an empty label, a class that a set spells in two ways, or more than 100 classes.
 */
export async function* walk(
  sets: readonly AuditSet[],
  labels: SeenLabels,
): AsyncGenerator<WalkedRow, void, undefined> {
  let number = 0;
  let first: TextColumnsOf | undefined;
  for (const { name: set, file, open, format = {} } of sets) {
    const { labelColumn = "label" } = format;
    let textColumns: readonly string[] = [];
    let otherColumns: readonly string[] = [];
    const spellings = new Set<string>();
    for await (const csvRow of readTable(open(), format)) {
      const { row: cells, columns, record } = csvRow;
      if (record === 1) {
        requireColumn(columns, labelColumn, "label", file);
        textColumns = chooseTextColumns(columns, format.textColumns, file);
        first ??= { file, textColumns };
        requireSameTextColumns(first, { file, textColumns });
        otherColumns = columns.filter((c) => c !== labelColumn && !textColumns.includes(c));
      }
      requireSameChoice(csvRow, textColumns, format.textColumns, file);
      const spelling = (cells[labelColumn] ?? "").trim();
      if (spelling === "") {
        throw new DataError(
          `${file}: each record must have a label in ${JSON.stringify(labelColumn)}; got an empty one in record ${record}.`,
        );
      }
      spellings.add(spelling);
      const label = labels.idOf(spelling);
      const labelName = labels.values[label]!;
      if (labels.values.length > MANY_CLASSES) {
        throw new DataError(
          `${file}: there must be at most ${MANY_CLASSES} classes in ${JSON.stringify(labelColumn)}; got more by record ${record}. Name the label column with --label-column.`,
        );
      }
      const text = joinText(cells, textColumns);
      const row = number++;
      yield { row, set, record, label, labelName, cells, text, textColumns, otherColumns };
      if (row % ROWS_PER_TURN === 0) await setImmediate(); // for Ctrl-C and a progress bar
    }
    if (textColumns.length === 0) {
      throw new DataError(`${file}: must have records; got a header only.`);
    }
    oneSpelling(file, spellings, (value) => labels.idOf(value));
  }
}
