// What a model says of a text, as `predict` prints it and the server answers.

import { argmaxRows, softmaxRows } from "./evaluate.ts";
import type { Encoder } from "./encoded-block.ts";

/** What a model says of one text. */
export interface Verdict {
  /** The class with the largest logit, the first one of equals. */
  readonly label: string;
  /** Its probability. */
  readonly score: number;
  /** By class, in the order of their ids. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** That the model saw, [CLS] and [SEP] among them. */
  readonly tokens: number;
  /** Whether the end of the text was left out. */
  readonly truncated: boolean;
}

/** A text as ids, and whether the model sees all of it. */
export interface EncodedText {
  readonly ids: readonly number[];
  readonly truncated: boolean;
}

/** The ids of a text, at most `maxLength` with [CLS] and [SEP], as `encode` gives them. */
export function encodeText(tokenizer: Encoder, text: string, maxLength: number): EncodedText {
  const ids = Array.from(tokenizer.encode(text, maxLength + 1)); // one more tells whether anything is cut
  const truncated = ids.length > maxLength;
  if (truncated) ids.splice(maxLength - 1, 1); // before [SEP]
  return { ids, truncated };
}

/** Verdicts of logits [B, K] on B texts. names: the K classes. */
export function verdictsOf(
  logits: Float32Array,
  names: readonly string[],
  texts: readonly EncodedText[],
): Verdict[] {
  const K = names.length;
  const probabilities = softmaxRows(logits, K);
  const best = argmaxRows(logits, K);
  return texts.map(({ ids, truncated }, row) => {
    const values = probabilities.subarray(row * K, (row + 1) * K);
    return {
      label: names[best[row]!]!,
      score: values[best[row]!]!,
      probabilities: Object.fromEntries(names.map((name, k) => [name, values[k]!])),
      tokens: ids.length,
      truncated,
    };
  });
}
