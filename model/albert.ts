// ALBERT for sequence classification, the whole model on one page. Lan et al. 2020, arXiv:1909.11942;
// the definition followed is transformers' AlbertForSequenceClassification.
// B texts, R rows (the tokens of all texts one after another), E embedding, H hidden, F feed-forward, K classes. Texts are
// packed: only attention knows where one ends.

import {
  attention,
  type DropoutKey,
  dropout,
  embedding,
  gatherRows,
  type Gpu,
  layerNorm,
  linear,
  mix,
  ParameterSet,
  type Random,
  type SequenceRows,
  sequenceRows,
  ShapeError,
  type Tensor,
} from "../engine/index.ts";
import type { AlbertConfig } from "./config.ts";
import { albertParameters, initialValues, layerPrefix } from "./parameters.ts";

/** Token ids of B texts, one after another; a text's rows go on to the next one's first, and its padding stands at their end. */
export interface TokenBatch {
  readonly B: number;
  /** [R]. */
  readonly ids: Uint32Array;
  /** Each text's first row, ascending from 0, [B]. */
  readonly first: Uint32Array;
  /** Real tokens of each text, at least 1, [B]; attention ends there. */
  readonly lengths: Uint32Array;
}

/** Rows of each text of a batch, padding included, [B]. */
const ownedRows = ({ ids, first }: TokenBatch): Uint32Array =>
  first.map((start, b) => (first[b + 1] ?? ids.length) - start);

/** Turns dropout on: all masks of one forward pass follow from these integers, such as (seed, step, micro-batch). */
export type DropoutSeed = readonly number[];

/** Hands every use of dropout in a forward pass its own random bits, or none when the model evaluates. */
class DropoutSites {
  #seed: DropoutSeed | undefined;
  #site = 0;

  constructor(seed: DropoutSeed | undefined) {
    this.#seed = seed;
  }

  /** Where the next site is; seek() goes back to it, so that a part run again gets the same bits. */
  get position(): number {
    return this.#site;
  }

  seek(position: number): void {
    this.#site = position;
  }

  next(p: number): { p: number; key: DropoutKey } | undefined {
    const site = this.#site++;
    if (!this.#seed || p === 0) return undefined;
    return { p, key: { key0: mix(...this.#seed, 1, site), key1: mix(...this.#seed, 2, site) } };
  }
}

/** ALBERT with a classifier on its pooled first token, as transformers' class of that name. Owns its parameters. Lan et al. 2020, arXiv:1909.11942. */
export class AlbertForSequenceClassification {
  readonly config: AlbertConfig;
  readonly parameters: ParameterSet;
  /** Keep only the input of each layer while training, and run the layer again in backward: the same bits, less memory. */
  activationCheckpointing = false;
  readonly #gpu: Gpu;

  /** Allocates parameters and gradients, all zero: initialise or load them next. destroy() frees them. */
  constructor(gpu: Gpu, config: AlbertConfig) {
    this.config = config;
    this.#gpu = gpu;
    this.parameters = new ParameterSet(gpu, albertParameters(config));
  }

  /** Fills the named parts, or all, with new values. The order of parts fixes which random numbers each gets. */
  initialise(random: Random, names?: ReadonlySet<string>): void {
    for (const part of this.parameters.parts) {
      if (names && !names.has(part.name)) continue;
      this.parameters.set(part.name, part.shape, initialValues(part, this.config, random));
    }
  }

  /**
   * Class logits [B, K] of a batch. With `seed` dropout is on, as when training. To be called in a step or a scope, which
   * frees what it makes on the way. Throws ShapeError for a length or token id the model has no embedding for.
   */
  forward(batch: TokenBatch, seed?: DropoutSeed): Tensor {
    return this.classify(this.embed(batch), batch, seed);
  }

  /** Sum of word, position and token type embeddings, [R, E], before their LayerNorm. Throws ShapeError. */
  embed(batch: TokenBatch): Tensor {
    const { vocab_size: V, max_position_embeddings: P, embedding_size: E } = this.config;
    const { ids } = batch;
    const longest = Math.max(...batch.lengths);
    if (longest > P) {
      throw new ShapeError(
        `albert: sequences must have at most ${P} tokens (max_position_embeddings); got ${longest}.`,
      );
    }
    const unknown = ids.find((id) => id >= V);
    if (unknown !== undefined) {
      throw new ShapeError(
        `albert: token ids must be below ${V} (vocab_size); got ${unknown}. Does the tokenizer belong to this model?`,
      );
    }
    const R = ids.length;
    const index = new Uint32Array(3 * R); // word, position and type rows, as element offsets in the joined tables
    index.set(ids.map((id) => id * E));
    ownedRows(batch).forEach((rows, b) => {
      // Padding may go on beyond the last position: no gradient comes from it, so any row will do.
      for (let t = 0; t < rows; t++) index[R + batch.first[b]! + t] = (V + Math.min(t, P - 1)) * E;
    });
    index.fill((V + P) * E, 2 * R); // token type 0
    const frozen = new Set([this.config.pad_token_id * E]); // torch's padding_idx
    return embedding(this.#gpu, this.parameters.tensor("albert.embeddings"), index, R, E, frozen);
  }

  /** The rest of forward, from the embedding sum [R, E] on: what attribution methods differentiate. */
  classify(embedded: Tensor, batch: TokenBatch, seed?: DropoutSeed): Tensor {
    const gpu = this.#gpu;
    const { config } = this;
    const sites = new DropoutSites(seed);
    const rows = sequenceRows(gpu, batch.first, batch.lengths, ownedRows(batch));

    let x = gpu.scope(() => this.mapIn(embedded, sites)); // [R, H]
    const layersPerGroup = config.num_hidden_layers / config.num_hidden_groups;
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const g = Math.floor(i / layersPerGroup);
      for (let j = 0; j < config.inner_group_num; j++) {
        const before = x;
        const position = sites.position;
        const layer = (input: Tensor): Tensor => {
          sites.seek(position);
          return this.layer(layerPrefix(g, j), input, rows, sites);
        };
        x = this.activationCheckpointing
          ? gpu.tape.checkpoint(before, layer)
          : gpu.scope(() => layer(before)); // [R, H]
        if (!gpu.tape.recording) gpu.release(before);
      }
    }
    const pooled = this.linear("albert.pooler", gatherRows(gpu, x, batch.first), "tanh"); // [B, H]
    return this.linear("classifier", this.dropout(pooled, config.classifier_dropout_prob, sites)); // [B, K]
  }

  /** Shapes [out, in] of the weights that all rows of a batch go through. */
  get layerShapes(): readonly (readonly [out: number, input: number])[] {
    const { embedding_size: E, hidden_size: H, intermediate_size: F } = this.config;
    return [
      [H, E],
      [3 * H, H],
      [H, H],
      [F, H],
      [H, F],
    ];
  }

  /** Bytes of the largest tensor a forward pass over R rows makes: the feed-forward's, or q, k and v. */
  largestActivationBytes(R: number): number {
    const { hidden_size: H, intermediate_size: F } = this.config;
    return 4 * R * Math.max(3 * H, F);
  }

  /**
   * About the bytes of pool memory that a training step over R rows takes at its height: what the layers keep for backward,
   * and the gradients of one of them.
   */
  trainingBytes(R: number): number {
    const { config } = this;
    const { hidden_size: H, intermediate_size: F, hidden_dropout_prob: p } = config;
    const layers = config.num_hidden_layers * config.inner_group_num;
    const layer = (p > 0 ? 11 : 10) * H + 2 * F; // q, k, v; context; dense; two sums, norms; before and after f; output
    const backward = 3 * F + 6 * H;
    const kept = this.activationCheckpointing ? layers * H + layer : layers * layer;
    return 4 * R * (kept + backward);
  }

  /** Frees parameters and gradients. */
  destroy(): void {
    this.parameters.destroy();
  }

  private mapIn(embedded: Tensor, sites: DropoutSites): Tensor {
    const x = this.norm("albert.embeddings.LayerNorm", embedded); // [R, E]
    const dropped = this.dropout(x, this.config.hidden_dropout_prob, sites);
    return this.linear("albert.encoder.embedding_hidden_mapping_in", dropped); // [R, H]
  }

  private layer(prefix: string, x: Tensor, rows: SequenceRows, sites: DropoutSites): Tensor {
    const { config } = this;
    const qkv = this.linear(`${prefix}.attention.qkv`, x); // [R, 3 H]
    const attentionDropout = sites.next(config.attention_probs_dropout_prob);
    const heads = config.num_attention_heads;
    const context = attention(this.#gpu, qkv, rows, heads, attentionDropout); // [R, H]
    const dense = this.linear(`${prefix}.attention.dense`, context);
    const dropped = this.dropout(dense, config.hidden_dropout_prob, sites);
    const attended = this.norm(`${prefix}.attention.LayerNorm`, dropped, x); // [R, H]
    const inner = this.linear(`${prefix}.ffn`, attended, config.hidden_act); // [R, F]
    const output = this.linear(`${prefix}.ffn_output`, inner); // [R, H]
    return this.norm(`${prefix}.full_layer_layer_norm`, output, attended);
  }

  private linear(
    prefix: string,
    x: Tensor,
    activation?: "gelu_new" | "gelu" | "relu" | "tanh",
  ): Tensor {
    const weight = this.parameters.tensor(`${prefix}.weight`);
    return linear(this.#gpu, x, weight, this.parameters.tensor(`${prefix}.bias`), activation);
  }

  private norm(prefix: string, x: Tensor, residual?: Tensor): Tensor {
    const gamma = this.parameters.tensor(`${prefix}.weight`);
    const beta = this.parameters.tensor(`${prefix}.bias`);
    return layerNorm(this.#gpu, x, gamma, beta, this.config.layer_norm_eps, residual);
  }

  private dropout(x: Tensor, p: number, sites: DropoutSites): Tensor {
    const site = sites.next(p);
    return site ? dropout(this.#gpu, x, site.p, site.key) : x;
  }
}
