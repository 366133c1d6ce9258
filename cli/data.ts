// The files a training run reads, as three labelled sets.

import { stat } from "node:fs/promises";
import { FileError } from "../engine/index.ts";
import type { Tokenizer } from "../model/index.ts";
import {
  type Example,
  type ExampleSet,
  type LabelledSet,
  type LabelSet,
  loadExamples,
  splitIndices,
  tokenizeAll,
} from "../train/index.ts";
import type { Printer } from "./printer.ts";

/** Where examples come from. Either `data`, or `train` and `validation` with or without `test`. */
export interface DataOptions {
  readonly data?: string | undefined;
  readonly train?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  readonly textColumns?: string[] | undefined;
  readonly labelColumn?: string | undefined;
  readonly labelNames?: Record<string, string> | undefined;
  readonly delimiter?: string | undefined;
}

export interface Sets {
  readonly labels: LabelSet;
  readonly textColumns: readonly string[];
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  /** Empty when no test file was given. */
  readonly test: readonly Example[];
}

export async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FileError(path, "no such file.");
  if (found.isDirectory()) throw new FileError(path, "must be a file; it is a folder.");
}

/** Loads all sets; `--data` is split 70:15:15, stratified by label, by the seed. */
export async function loadSets(options: DataOptions, seed: number): Promise<Sets> {
  const { textColumns, labelColumn, labelNames, delimiter } = options;
  const columns = { textColumns, labelColumn, labelNames, delimiter };
  if (options.data !== undefined) {
    const all = await loadExamples(options.data, columns);
    const split = splitIndices(
      all.examples.map((example) => example.label),
      [70, 15, 15],
      seed,
    );
    const pick = (indices: Uint32Array): Example[] => Array.from(indices, (i) => all.examples[i]!);
    return {
      ...all,
      train: pick(split.train),
      validation: pick(split.validation),
      test: pick(split.test),
    };
  }
  for (const path of [options.train, options.validation, options.test]) {
    if (path !== undefined) await requireFile(path);
  }
  const train = await loadExamples(options.train!, columns);
  const other = async (path: string | undefined): Promise<ExampleSet["examples"]> =>
    path === undefined
      ? []
      : (await loadExamples(path, { ...columns, labels: train.labels })).examples;
  return {
    ...train,
    train: train.examples,
    validation: await other(options.validation),
    test: await other(options.test),
  };
}

/** Tokenises a set, with a progress bar. */
export async function tokenizeSet(
  printer: Printer,
  name: string,
  examples: readonly Example[],
  tokenizer: Tokenizer,
  maxLength: number,
): Promise<LabelledSet> {
  const progress = printer.progress(`tokenise ${name}`, examples.length);
  const texts = examples.map((example) => example.text);
  const tokens = await tokenizeAll(texts, tokenizer, maxLength, (done) => progress.update(done));
  progress.stop();
  return { tokens, labels: Uint32Array.from(examples, (example) => example.label) };
}
