// ALBERT for sequence classification, the whole model on one page. Lan et al. 2020, arXiv:1909.11942;
// the definition followed is transformers' AlbertForSequenceClassification.
// B sequences, T tokens each with padding, E embedding, H hidden, A heads, F feed-forward, K classes. Rows are B T tokens.

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

/** Token ids of B texts, padded on the right to T. */
export interface TokenBatch {
  readonly B: number;
  readonly T: number;
  /** [B, T]. */
  readonly ids: Uint32Array;
  /** [B]: real tokens of each text, at least 1; attention ends there. */
  readonly lengths: Uint32Array;
}

/** Turns dropout on: all masks of one forward pass follow from these integers, such as (seed, step, micro-batch). */
export type DropoutSeed = readonly number[];

/** Hands every use of dropout in a forward pass its own random bits, or none when the model evaluates. */
class DropoutSites {
  #seed: DropoutSeed | undefined;
  #site = 0;

  constructor(seed: DropoutSeed | undefined) {
    this.#seed = seed;
  }

  next(p: number): { p: number; key: DropoutKey } | undefined {
    const site = this.#site++;
    if (!this.#seed || p === 0) return undefined;
    return { p, key: { key0: mix(...this.#seed, 1, site), key1: mix(...this.#seed, 2, site) } };
  }
}

export class AlbertForSequenceClassification {
  readonly config: AlbertConfig;
  readonly parameters: ParameterSet;
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
   * Class logits [B, K] of a batch. With `seed` dropout is on, as when training. Throws ShapeError for a length or token id
   * the model has no embedding for.
   */
  forward(batch: TokenBatch, seed?: DropoutSeed): Tensor {
    return this.classify(this.embed(batch), batch, seed);
  }

  /** Sum of word, position and token type embeddings, [B T, E], before their LayerNorm. Throws ShapeError. */
  embed({ B, T, ids }: TokenBatch): Tensor {
    const { vocab_size: V, max_position_embeddings: P, embedding_size: E } = this.config;
    if (T > P) {
      throw new ShapeError(
        `albert: sequences must have at most ${P} tokens (max_position_embeddings); got ${T}.`,
      );
    }
    const unknown = ids.find((id) => id >= V);
    if (unknown !== undefined) {
      throw new ShapeError(
        `albert: token ids must be below ${V} (vocab_size); got ${unknown}. Does the tokenizer belong to this model?`,
      );
    }
    const R = B * T;
    const index = new Uint32Array(3 * R); // word, position and type rows, as element offsets in the joined tables
    for (let r = 0; r < R; r++) {
      index[r] = ids[r]! * E;
      index[R + r] = (V + (r % T)) * E;
      index[2 * R + r] = (V + P) * E; // token type 0
    }
    const frozen = new Set([this.config.pad_token_id * E]); // torch's padding_idx
    return embedding(this.#gpu, this.parameters.tensor("albert.embeddings"), index, R, E, frozen);
  }

  /** The rest of forward, from the embedding sum [B T, E] on: what attribution methods differentiate. */
  classify(embedded: Tensor, { B, T, lengths }: TokenBatch, seed?: DropoutSeed): Tensor {
    const gpu = this.#gpu;
    const { config } = this;
    const sites = new DropoutSites(seed);
    const first = Uint32Array.from({ length: B }, (_, b) => b * T);
    const rows = sequenceRows(gpu, first, lengths, new Uint32Array(B).fill(T));

    let x = gpu.scope(() => this.mapIn(embedded, sites)); // [B T, H]
    const layersPerGroup = config.num_hidden_layers / config.num_hidden_groups;
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const g = Math.floor(i / layersPerGroup);
      for (let j = 0; j < config.inner_group_num; j++) {
        const before = x;
        x = gpu.scope(() => this.layer(layerPrefix(g, j), before, rows, sites)); // [B T, H]
        if (!gpu.tape.recording) gpu.release(before);
      }
    }
    const pooled = this.linear("albert.pooler", gatherRows(gpu, x, first), "tanh"); // [B, H]
    return this.linear("classifier", this.dropout(pooled, config.classifier_dropout_prob, sites)); // [B, K]
  }

  /** Bytes of the largest tensor a forward pass of B sequences of T tokens makes: the feed-forward's, or q, k and v. */
  largestActivationBytes(B: number, T: number): number {
    const { hidden_size: H, intermediate_size: F } = this.config;
    return 4 * B * T * Math.max(3 * H, F);
  }

  /** Frees parameters and gradients. */
  destroy(): void {
    this.parameters.destroy();
  }

  private mapIn(embedded: Tensor, sites: DropoutSites): Tensor {
    const x = this.norm("albert.embeddings.LayerNorm", embedded); // [B T, E]
    const dropped = this.dropout(x, this.config.hidden_dropout_prob, sites);
    return this.linear("albert.encoder.embedding_hidden_mapping_in", dropped); // [B T, H]
  }

  private layer(prefix: string, x: Tensor, rows: SequenceRows, sites: DropoutSites): Tensor {
    const { config } = this;
    const qkv = this.linear(`${prefix}.attention.qkv`, x); // [B T, 3 H]
    const attentionDropout = sites.next(config.attention_probs_dropout_prob);
    const heads = config.num_attention_heads;
    const context = attention(this.#gpu, qkv, rows, heads, attentionDropout); // [B T, H]
    const dense = this.linear(`${prefix}.attention.dense`, context);
    const dropped = this.dropout(dense, config.hidden_dropout_prob, sites);
    const attended = this.norm(`${prefix}.attention.LayerNorm`, dropped, x); // [B T, H]
    const inner = this.linear(`${prefix}.ffn`, attended, config.hidden_act); // [B T, F]
    const output = this.linear(`${prefix}.ffn_output`, inner); // [B T, H]
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
