// predictions.jsonl: what a model said of each example of a set, a JSON object a line.

import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError, FileError } from "../engine/errors.ts";
import type { Example } from "./dataset.ts";
import type { Evaluation } from "./evaluate.ts";
import { beginning } from "./listed.ts";
import { readFileChunks, readLines } from "./text-blocks.ts";

/** In the folder of a finished run. */
export const PREDICTIONS_FILE = "predictions.jsonl";

/** What a model said of one example. */
export interface Prediction {
  /** Position in the set, from 0. */
  readonly row: number;
  /** Names of the true and the predicted class. */
  readonly label: string;
  readonly predicted: string;
  /** By class name; they add up to 1. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** Tokens the model read, [CLS] and [SEP] included. */
  readonly tokens: number;
  /** Of wrong ones only: the beginning of the first text column where there are several, and of the rest. */
  readonly title?: string;
  readonly text?: string;
}

const TITLE_CHARACTERS = 200;
const TEXT_CHARACTERS = 300;
// Digits that tell any two f32 numbers apart.
const F32_DIGITS = 9;

/** A scored set, as predictions are made from it. */
export interface PredictedSet {
  readonly evaluation: Pick<Evaluation, "predictions" | "probabilities">;
  readonly examples: readonly Example[];
  /** Tokens of each example, [N]. */
  readonly lengths: ArrayLike<number>;
  /** Names of the classes, [K]. */
  readonly names: readonly string[];
}

/** The predictions of a set, in its order. */
export function* predictionsOf(set: PredictedSet): Generator<Prediction, void, undefined> {
  const { evaluation, examples, lengths, names } = set;
  const K = names.length;
  for (const [row, example] of examples.entries()) {
    const predicted = evaluation.predictions[row]!;
    const probabilities = Object.fromEntries(
      names.map((name, k) => {
        const value = evaluation.probabilities[row * K + k]!;
        return [name, Number(value.toPrecision(F32_DIGITS))];
      }),
    );
    yield {
      row,
      label: names[example.label]!,
      predicted: names[predicted]!,
      probabilities,
      tokens: lengths[row]!,
      ...(predicted === example.label ? {} : excerptsOf(example)),
    };
  }
}

function excerptsOf({ text, titleLength = 0 }: Example): { title?: string; text: string } {
  const rest = beginning(text.slice(titleLength), TEXT_CHARACTERS);
  const title = beginning(text.slice(0, titleLength), TITLE_CHARACTERS);
  return title === "" ? { text: rest } : { title, text: rest };
}

/** Writes a file of predictions. */
export async function writePredictions(
  path: string,
  predictions: Iterable<Prediction>,
): Promise<void> {
  function* lines(): Generator<string> {
    for (const prediction of predictions) yield `${JSON.stringify(prediction)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

/**
 * Reads a file of predictions whole. Throws FileError when there is none, and where there are not `rows`, the size of the set
 * they are of; DataError with the line for what is none.
 */
export async function readPredictions(path: string, rows?: number): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  try {
    for await (const { text, line } of readLines(readFileChunks(path), path)) {
      const value = parsed(text);
      if (!isPrediction(value)) {
        throw new DataError(
          `${path} (line ${line}): must be a prediction, {"row", "label", "predicted", "probabilities", "tokens"}; got ${text.slice(0, 60)}.`,
        );
      }
      predictions.push(value);
    }
  } catch (cause) {
    const { code } = ((cause as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw cause;
    throw new FileError(
      path,
      "must be there, as a finished run leaves it. A run that was interrupted goes on with --resume.",
      { cause },
    );
  }
  if (rows !== undefined && predictions.length !== rows) {
    throw new FileError(
      path,
      `must have a line for each of the set's ${rows} rows; got ${predictions.length}.`,
    );
  }
  return predictions;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isPrediction(value: unknown): value is Prediction {
  if (typeof value !== "object" || value === null) return false;
  const { row, label, predicted, probabilities, tokens } = value as Record<string, unknown>;
  return (
    Number.isInteger(row) &&
    typeof label === "string" &&
    typeof predicted === "string" &&
    typeof probabilities === "object" &&
    probabilities !== null &&
    Object.values(probabilities).every((p) => typeof p === "number") &&
    [label, predicted].every((name) => Object.hasOwn(probabilities, name)) &&
    Number.isInteger(tokens)
  );
}
