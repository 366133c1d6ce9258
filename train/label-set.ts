// The classes of a data set: how data spell them, what they are called, and in which order.

import { DataError } from "../engine/errors.ts";

/** The classes of a data set: id = position in `names`. */
export class LabelSet {
  readonly names: readonly string[];
  readonly #ids = new Map<string, number>();

  /**
   * @param names one for each class, in id order
   * @param values how the data spells the same classes, where that differs
   * Throws DataError when a name stands twice.
   */
  constructor(names: readonly string[], values: readonly string[] = names) {
    const duplicate = names.find((name, i) => names.indexOf(name) !== i);
    if (duplicate !== undefined) {
      throw new DataError(`labels: names must differ; got ${JSON.stringify(duplicate)} twice.`);
    }
    this.names = names;
    names.forEach((name, id) => this.#ids.set(name, id));
    // A value may be another class's name; that class's own name must not undo it.
    values.forEach((value, id) => value !== names[id] && this.#ids.set(value, id));
  }

  /**
   * The classes of a saved model. Data may spell a class by its name or, unless a name is an integer itself, by its id:
   * the reference's files say 0 and 1 for fake and real.
   * @param labelNames instead of ids: the class each value of the data stands for, all of them among `names`
   */
  static ofModel(
    names: readonly string[],
    labelNames?: Readonly<Record<string, string>>,
  ): LabelSet {
    if (labelNames !== undefined) {
      const values = new Map(Object.entries(labelNames).map(([value, name]) => [name, value]));
      return new LabelSet(
        names,
        names.map((name) => values.get(name) ?? name),
      );
    }
    return names.some(isInteger)
      ? new LabelSet(names)
      : new LabelSet(
          names,
          names.map((_, id) => String(id)),
        );
  }

  /**
   * The classes of labels as a file spells them: integers in numeric order, anything else in code unit order.
   * @param labelNames a name for each value; it then decides which values there are
   * Throws DataError where a value gets the name of another one: they would become one class; and, without names, where the
   * same number is written in two ways, or stands for a missing one: they would be further classes.
   */
  static fromValues(
    values: Iterable<string>,
    labelNames?: Readonly<Record<string, string>>,
  ): LabelSet {
    const there = new Set(values);
    for (const [value, name] of Object.entries(labelNames ?? {})) {
      if (value === name || !there.has(value) || !there.has(name)) continue;
      if (Object.hasOwn(labelNames!, name)) continue; // it gets another name itself
      throw new DataError(
        `labels: a new name must not be another value there is; got ${JSON.stringify(name)} for ${JSON.stringify(value)}. Rename ${JSON.stringify(name)} too.`,
      );
    }
    if (labelNames === undefined) refuseOddNumbers(there);
    const sorted = inOrder(labelNames === undefined ? there : Object.keys(labelNames));
    return new LabelSet(
      sorted.map((value) => labelNames?.[value] ?? value),
      sorted,
    );
  }

  /** The id of a class by its name or the data's spelling; -1 when there is no such class. */
  idOf(name: string): number {
    return this.#ids.get(name) ?? -1;
  }
}

/** Integers in numeric order, anything else in code unit order. */
export function inOrder(values: Iterable<string>): string[] {
  const sorted = [...values];
  return sorted.every(isInteger) ? sorted.sort((a, b) => Number(a) - Number(b)) : sorted.sort();
}

const NUMBER = /^([+-]?)0*(\d+?)(?:\.(\d*?)0*)?$/;

/** pandas writes 1 as 1.0 in a column where a value was once missing. */
function refuseOddNumbers(values: ReadonlySet<string>): void {
  const spelled = new Map<string, string>();
  for (const value of values) {
    const [, sign = "", whole = "", part = ""] = NUMBER.exec(value) ?? [];
    if (whole === "") continue;
    const number = `${sign.replace("+", "")}${whole}.${part}`;
    const before = spelled.get(number);
    if (before !== undefined) {
      throw new DataError(
        `labels: a number must be written in one way; got ${JSON.stringify(before)} and ${JSON.stringify(value)}. Write one of them, or name both with --label-names.`,
      );
    }
    spelled.set(number, value);
  }
  const missing = missingNumber(values);
  if (missing === undefined) return;
  throw new DataError(
    `labels: each record must have one; got ${JSON.stringify(missing)} among numbers. Remove such records.`,
  );
}

/** How a column of numbers spells that one is missing: pandas writes NaN. Undefined where none is. */
export function missingNumber(values: ReadonlySet<string>): string | undefined {
  const [word, ...others] = [...values].filter((value) => !NUMBER.test(value));
  const isMissing = word !== undefined && /^nan$/i.test(word);
  return isMissing && others.length === 0 && values.size > 1 ? word : undefined;
}

/** More classes than this are most often those of a wrong column. */
export const MANY_CLASSES = 100;
const MOST_CLASSES = 1000;

/**
 * Throws DataError for labels that can hardly be such: more than 1,000 classes, or more than 100 of which most have a
 * single row. @param where names the file
 */
export function requireFewClasses(
  where: string,
  labelColumn: string,
  values: readonly string[],
): void {
  const rows = new Map<string, number>();
  for (const value of values) rows.set(value, (rows.get(value) ?? 0) + 1);
  const column = JSON.stringify(labelColumn);
  const remedy = "Name the label column with --label-column.";
  if (rows.size > MOST_CLASSES) {
    throw new DataError(
      `${where}: there must be at most ${MOST_CLASSES} classes in ${column}; got ${rows.size} in ${values.length} rows. ${remedy}`,
    );
  }
  const single = [...rows.values()].filter((count) => count === 1).length;
  if (rows.size > MANY_CLASSES && single > rows.size / 2) {
    throw new DataError(
      `${where}: of more than ${MANY_CLASSES} classes in ${column} most must have several rows; got ${rows.size} in ${values.length} rows, ${single} of them with a single one. ${remedy}`,
    );
  }
}

/**
 * How a file spells each class, by id. Throws DataError where it spells one in two ways: a name that another value has makes
 * one class of two. @param where names the file
 */
export function oneSpelling(
  where: string,
  values: Iterable<string>,
  idOf: (value: string) => number,
): ReadonlyMap<number, string> {
  const spelled = new Map<number, string>();
  for (const value of values) {
    const before = spelled.get(idOf(value));
    if (before !== undefined && before !== value) {
      throw new DataError(
        `${where}: a class must be spelled in one way; got ${JSON.stringify(before)} and ${JSON.stringify(value)} for one. Write one of them, or name both values.`,
      );
    }
    spelled.set(idOf(value), value);
  }
  return spelled;
}

function isInteger(name: string): boolean {
  return /^[+-]?\d+$/.test(name);
}
