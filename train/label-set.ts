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
    values.forEach((value, id) => this.#ids.set(value, id));
  }

  /**
   * The classes of a saved model. Data may spell a class by its name or, unless a name is an integer itself, by its id:
   * the reference's files say 0 and 1 for fake and real.
   */
  static ofModel(names: readonly string[]): LabelSet {
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
   * Throws DataError where a value gets the name of another one: they would become one class.
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
    const sorted = [...(labelNames === undefined ? there : Object.keys(labelNames))];
    if (sorted.every(isInteger)) sorted.sort((a, b) => Number(a) - Number(b));
    else sorted.sort();
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

function isInteger(name: string): boolean {
  return /^[+-]?\d+$/.test(name);
}
