// The straight line from the embedding sum of a text without content to that of the text, and the model along it.

import { type Gpu, type Tensor } from "../../engine/index.ts";
import type { AlbertForSequenceClassification, TokenBatch } from "../../model/index.ts";
import { collate } from "../batches.ts";
import { InFlight } from "../in-flight.ts";
import { shapeOf } from "../step.ts";

function batchOf(
  model: AlbertForSequenceClassification,
  texts: readonly Uint32Array[],
): TokenBatch {
  const { max_position_embeddings: maxLength, pad_token_id: padId } = model.config;
  return collate(texts, { maxLength, padId });
}

/** A place on the line is a number: 0 is the text without content, 1 the text. Holds no memory of the device. */
export class EmbeddingPath {
  /** Logits [K] of the text without content. */
  readonly start: Float32Array;
  /** Logits [K] of the text. */
  readonly end: Float32Array;
  readonly #gpu: Gpu;
  readonly #model: AlbertForSequenceClassification;
  readonly #ids: Uint32Array;
  readonly #batchSize: number;
  readonly #signal: AbortSignal | undefined;
  /** Embedding sums at 0 and 1, [T, E]. */
  readonly #ends: readonly [Float32Array, Float32Array];

  private constructor(
    { gpu, model, batchSize, signal }: PathOptions,
    ids: Uint32Array,
    logits: Float32Array,
    ends: readonly [Float32Array, Float32Array],
  ) {
    const K = model.config.num_labels;
    this.start = logits.slice(0, K);
    this.end = logits.slice(K);
    this.#gpu = gpu;
    this.#model = model;
    this.#batchSize = batchSize;
    this.#signal = signal;
    this.#ids = ids;
    this.#ends = ends;
  }

  /** Runs the model on both ends. Throws what `collate` and the model throw for ids that are too many or unknown. */
  static async open(options: PathOptions, ids: ArrayLike<number>): Promise<EmbeddingPath> {
    const { gpu, model } = options;
    const text = Uint32Array.from(ids);
    const { pad_token_id: padId, embedding_size: E } = model.config;
    const blank = text.map((id, t) => (t === 0 || t === text.length - 1 ? id : padId));
    const batch = batchOf(model, [blank, text]);
    const reads = gpu.step(`explain ends ${shapeOf(batch)}`, () => {
      const embedded = model.embed(batch);
      return [gpu.readLater(model.classify(embedded, batch)), gpu.readLater(embedded)] as const;
    });
    const [logits, embedded] = await gpu.settle(Promise.all(reads));
    const rows = (b: number): Float32Array => {
      const from = batch.first[b]! * E;
      return embedded.slice(from, from + text.length * E);
    };
    return new EmbeddingPath(options, text, logits, [rows(0), rows(1)]);
  }

  /** Logits [K] at each place. */
  logits(places: readonly number[]): Promise<Float32Array[]> {
    const K = this.start.length;
    return this.#along(
      "logits",
      places,
      (batch, points) => this.#model.classify(points, batch),
      (values, b) => values.slice(b * K, (b + 1) * K),
    );
  }

  /**
   * How fast the logits times `direction` change at each place by the part of each token, [T]: the gradient with respect to
   * the token's embedding sum times what the line adds to it. Their sum is the derivative along the line.
   */
  slopes(places: readonly number[], direction: Float32Array): Promise<Float64Array[]> {
    const [gpu, model] = [this.#gpu, this.#model];
    const E = model.config.embedding_size;
    const [origin, end] = this.#ends;
    return this.#along(
      "slopes",
      places,
      (batch, points) => {
        const directions = new Float32Array(batch.B * direction.length);
        for (let b = 0; b < batch.B; b++) directions.set(direction, b * direction.length);
        const dy = gpu.upload(directions, [batch.B, direction.length]);
        const { gradients } = gpu.tape.derivatives(
          [points],
          () => model.classify(points, batch),
          dy,
        );
        return gradients[0]!;
      },
      (gradient, b, batch) =>
        Float64Array.from(this.#ids, (_, t) => {
          const row = (batch.first[b]! + t) * E;
          let slope = 0;
          for (let e = 0; e < E; e++) {
            slope += gradient[row + e]! * (end[t * E + e]! - origin[t * E + e]!);
          }
          return slope;
        }),
    );
  }

  /** Runs `launch` on batches of places; `pick` takes what belongs to text `b` out of its result. */
  async #along<R>(
    name: string,
    places: readonly number[],
    launch: (batch: TokenBatch, points: Tensor) => Tensor,
    pick: (values: Float32Array, b: number, batch: TokenBatch) => R,
  ): Promise<R[]> {
    const gpu = this.#gpu;
    const inFlight = new InFlight<R[]>(gpu);
    const results: R[][] = [];
    for (let from = 0; from < places.length; from += this.#batchSize) {
      this.#signal?.throwIfAborted();
      const some = places.slice(from, from + this.#batchSize);
      const batch = batchOf(this.#model, Array<Uint32Array>(some.length).fill(this.#ids));
      const read = gpu.step(`explain ${name} ${shapeOf(batch)}`, () =>
        gpu.readLater(launch(batch, this.#upload(batch, some))),
      );
      const picked = read.then((values) => some.map((_, b) => pick(values, b, batch)));
      results.push(...(await inFlight.push(picked)));
    }
    results.push(...(await inFlight.drain()));
    return results.flat();
  }

  /** The embedding sums at places, as rows [R, E] of a batch. */
  #upload(batch: TokenBatch, places: readonly number[]): Tensor {
    const E = this.#model.config.embedding_size;
    const R = batch.ids.length;
    const [origin, end] = this.#ends;
    const points = new Float32Array(R * E);
    places.forEach((place, b) => {
      const row = batch.first[b]! * E;
      origin.forEach((value, i) => (points[row + i] = value + place * (end[i]! - value)));
    });
    return this.#gpu.upload(points, [R, E]);
  }
}

/** What a path runs on. */
export interface PathOptions {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  /** Places that run as one batch. */
  readonly batchSize: number;
  /** Ends the work between two batches by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
