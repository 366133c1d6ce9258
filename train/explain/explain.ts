// Attributions as people read them: by the words of the text as it was written.

import type { Gpu } from "../../engine/index.ts";
import type { AlbertForSequenceClassification, Tokenizer } from "../../model/index.ts";
import {
  type Attribution,
  type AttributionOptions,
  integratedGradients,
} from "./integrated-gradients.ts";

/** How exactly to explain, and how much of the text. */
export interface ExplainOptions extends AttributionOptions {
  /** In tokens; the end of a longer text is left out. */
  readonly maxLength: number;
}

/** A run of characters between blanks, with the sum of its tokens' attributions. */
export interface ExplainedWord {
  readonly text: string;
  /** Its characters are `text.slice(start, end)` of the whole text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly attribution: number;
}

/** A token the model saw. */
export interface ExplainedToken {
  readonly id: number;
  /** As the vocabulary spells it, "▁" for the blank before a word. */
  readonly piece: string;
  readonly attribution: number;
}

/** An attribution by tokens and by words; both add up to `sum`. */
export interface Explanation extends Omit<Attribution, "attributions"> {
  readonly text: string;
  /** [CLS] and [SEP] among them. */
  readonly tokens: readonly ExplainedToken[];
  /** The words the model saw, in order. */
  readonly words: readonly ExplainedWord[];
  /** Whether the end of the text was left out. */
  readonly truncated: boolean;
}

/** Explains the model's verdict on one text by integrated gradients. Throws what `integratedGradients` throws. */
export async function explain(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  tokenizer: Tokenizer,
  text: string,
  { maxLength, ...options }: ExplainOptions,
): Promise<Explanation> {
  const { ids, words, truncated } = tokenizer.encodeWords(text, maxLength);
  const { attributions, ...rest } = await integratedGradients(gpu, model, ids, options);
  const seen = words.filter(({ from }) => !truncated || from < ids.length - 1);
  return {
    ...rest,
    text,
    tokens: ids.map((id, t) => ({
      id,
      piece: tokenizer.idToPiece(id),
      attribution: attributions[t]!,
    })),
    words: seen.map(({ start, end, from, to }) => ({
      text: text.slice(start, end),
      start,
      end,
      attribution: attributions.slice(from, to).reduce((sum, value) => sum + value, 0),
    })),
    truncated,
  };
}
