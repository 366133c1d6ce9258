// Texts that come one by one, classified in batches: what a server needs to keep a device busy.

import { setTimeout as pause } from "node:timers/promises";
import { AlbertGpuError, type Gpu } from "../engine/index.ts";
import {
  type AlbertForSequenceClassification,
  labelNames,
  type Tokenizer,
} from "../model/index.ts";
import { MIN_LENGTH } from "../model/tokenizer-files.ts";
import { ArgumentError, checkAmount, checkInteger } from "./arguments.ts";
import { collate, filledRows } from "./batches.ts";
import { logitsOf } from "./step.ts";
import { type EncodedText, encodeText, type Verdict, verdictsOf } from "./verdict.ts";

/** There are as many texts waiting as may wait: come back later. */
export class QueueFullError extends AlbertGpuError {}

/** The sizes of a queue. */
export interface QueueOptions {
  /** In tokens; the end of a longer text is left out. Default: the tokeniser's, or the model's limit where that is less. */
  readonly maxLength?: number | undefined;
  /** Texts on the device at once. Default: 16. */
  readonly maxBatch?: number | undefined;
  /** How long an idle device waits for more texts after the first, in ms. Default: 4. */
  readonly batchWaitMs?: number | undefined;
  /** Texts that may wait. Default: 1024. */
  readonly maxWaiting?: number | undefined;
  /** Called after each batch of B texts in so many rows of tokens. */
  readonly onBatch?: ((batch: { B: number; rows: number; seconds: number }) => void) | undefined;
}

interface Job extends EncodedText {
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Classifies texts as they come, several at a time, first come first served; one batch is on the device at a time. Borrows
 * the device and the model.
 */
export class PredictionQueue {
  readonly maxLength: number;
  readonly maxWaiting: number;
  readonly #gpu: Gpu;
  readonly #model: AlbertForSequenceClassification;
  readonly #tokenizer: Tokenizer;
  readonly #names: readonly string[];
  readonly #maxBatch: number;
  readonly #batchWaitMs: number;
  readonly #onBatch: QueueOptions["onBatch"];
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** Throws ArgumentError for an option out of its range. */
  constructor(
    gpu: Gpu,
    model: AlbertForSequenceClassification,
    tokenizer: Tokenizer,
    options: QueueOptions = {},
  ) {
    const limit = model.config.max_position_embeddings;
    this.maxLength = options.maxLength ?? Math.min(tokenizer.options.model_max_length, limit);
    this.maxWaiting = options.maxWaiting ?? 1024;
    this.#gpu = gpu;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#names = labelNames(model.config);
    this.#maxBatch = options.maxBatch ?? 16;
    this.#batchWaitMs = options.batchWaitMs ?? 4;
    this.#onBatch = options.onBatch;
    checkInteger("maxLength", this.maxLength, MIN_LENGTH);
    if (this.maxLength > limit) {
      throw new ArgumentError("maxLength", `at most the model's ${limit} tokens`, this.maxLength);
    }
    checkInteger("maxBatch", this.#maxBatch, 1);
    checkInteger("maxWaiting", this.maxWaiting, 1);
    checkAmount("batchWaitMs", this.#batchWaitMs);
  }

  /** Texts that are not on the device yet. */
  get waiting(): number {
    return this.#jobs.length;
  }

  /**
   * Classifies a text. Rejects with QueueFullError when too many wait, with the signal's reason when it aborts before the
   * text is on the device, and with what the device says; a text that fails takes no other with it.
   */
  async predict(text: string, signal?: AbortSignal): Promise<Verdict> {
    if (this.#closed) throw new AlbertGpuError("PredictionQueue: it was closed.");
    signal?.throwIfAborted();
    if (this.#jobs.length >= this.maxWaiting) {
      throw new QueueFullError(
        `PredictionQueue: at most ${this.maxWaiting} texts may wait; there are ${this.#jobs.length}. Try again later.`,
      );
    }
    const encoded = encodeText(this.#tokenizer, text, this.maxLength);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        if (!this.#jobs.includes(job)) return; // on the device: its result comes anyhow
        this.#jobs = this.#jobs.filter((other) => other !== job);
        reject(signal?.reason as Error);
      };
      const settled = (): void => signal?.removeEventListener("abort", leave);
      const job: Job = {
        ...encoded,
        resolve: (verdict) => {
          settled();
          resolve(verdict);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave);
      this.#jobs.push(job);
      this.#running ??= this.#run();
    });
  }

  /** Takes no more texts, and resolves when all that were taken are answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    if (this.#jobs.length < this.#maxBatch) await pause(this.#batchWaitMs);
    while (this.#jobs.length > 0) await this.#runBatch(this.#take());
    this.#running = undefined;
  }

  /** The next texts: a power of two of them, so that a server that never ends sees few shapes and each keeps its buffers. */
  #take(): Job[] {
    let count = 2 ** Math.floor(Math.log2(Math.min(this.#jobs.length, this.#maxBatch)));
    while (count > 1 && !this.#fits(count)) count /= 2;
    return this.#jobs.splice(0, count);
  }

  /** Whether the adapter can bind the largest tensor of a batch of the first `count` texts. */
  #fits(count: number): boolean {
    const tokens = this.#jobs.slice(0, count).reduce((sum, { ids }) => sum + ids.length, 0);
    return this.#model.largestActivationBytes(filledRows(tokens)) <= this.#gpu.largestBinding;
  }

  async #runBatch(jobs: readonly Job[]): Promise<void> {
    try {
      const start = performance.now();
      const batch = collate(
        jobs.map(({ ids }) => ids),
        { maxLength: this.maxLength, padId: this.#tokenizer.padId },
      );
      const logits = await this.#gpu.settle(logitsOf(this.#gpu, this.#model, batch));
      this.#onBatch?.({
        B: batch.B,
        rows: batch.ids.length,
        seconds: (performance.now() - start) / 1000,
      });
      const verdicts = verdictsOf(logits, this.#names, jobs);
      jobs.forEach((job, b) => job.resolve(verdicts[b]!));
    } catch (error) {
      if (jobs.length === 1) return jobs[0]!.reject(error);
      for (const job of jobs) await this.#runBatch([job]); // alone, so that only what is wrong fails
    }
  }
}
