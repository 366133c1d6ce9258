// Explanations for the server: one at a time and in small batches, between which predictions get the device.

import type { Gpu } from "../../engine/index.ts";
import {
  type AlbertForSequenceClassification,
  labelNames,
  type Tokenizer,
} from "../../model/index.ts";
import {
  explain,
  type ExplainedWord,
  type Explanation,
  QueueFullError,
  type Verdict,
  verdictsOf,
} from "../../train/index.ts";

/** A text's verdict with what each word did for it. */
export interface ExplainedVerdict extends Verdict {
  /** The class whose score the words moved. */
  readonly explained: string;
  /** Its log-odds for the text, and for one without words. */
  readonly logOdds: number;
  readonly baseline: number;
  /** By how much the attributions of all tokens miss the difference, and whether that is little enough. */
  readonly error: number;
  readonly complete: boolean;
  readonly words: readonly ExplainedWord[];
}

// A prediction waits for two batches at most, and a batch of 512-token texts keeps a software adapter for seconds.
const BATCH_SIZE = 4;
const MOST_POINTS = 256;
const MOST_WAITING = 8;

export class Explainer {
  readonly #gpu: Gpu;
  readonly #model: AlbertForSequenceClassification;
  readonly #tokenizer: Tokenizer;
  readonly #maxLength: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    gpu: Gpu,
    model: AlbertForSequenceClassification,
    tokenizer: Tokenizer,
    maxLength: number,
  ) {
    this.#gpu = gpu;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#maxLength = maxLength;
  }

  /** Explains the verdict on a text. Rejects with QueueFullError, the signal's reason, or what `explain` throws. */
  async explain(text: string, signal: AbortSignal): Promise<ExplainedVerdict> {
    if (this.#waiting >= MOST_WAITING) {
      throw new QueueFullError(`at most ${MOST_WAITING} texts may wait to be explained.`);
    }
    this.#waiting++;
    const mine = this.#after(this.#last, text, signal);
    this.#last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }

  /** Resolves when no explanation runs or waits. */
  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }

  async #after(before: Promise<unknown>, text: string, signal: AbortSignal) {
    await before;
    signal.throwIfAborted();
    const explanation = await explain(this.#gpu, this.#model, this.#tokenizer, text, {
      maxLength: this.#maxLength,
      batchSize: BATCH_SIZE,
      maxPoints: MOST_POINTS,
      signal,
    });
    return answer(explanation, labelNames(this.#model.config));
  }
}

function answer(explanation: Explanation, names: readonly string[]): ExplainedVerdict {
  const { tokens, truncated, logits, classId, words, score, baseline, error, complete } =
    explanation;
  const ids = tokens.map(({ id }) => id);
  const [verdict] = verdictsOf(logits, names, [{ ids, truncated }]);
  const explained = names[classId]!;
  return { ...verdict!, explained, logOdds: score, baseline, error, complete, words };
}
