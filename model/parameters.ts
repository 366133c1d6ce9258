// The parameters of AlbertForSequenceClassification: Hugging Face's names, their shapes, and how they lie together.

import {
  elementCount,
  type ParameterPart,
  type ParameterSpec,
  type Random,
} from "../engine/index.ts";
import type { AlbertConfig } from "./config.ts";

/** Weights of the pre-training heads, which a checkpoint may hold and a classifier has no use for. */
export function isPretrainingHead(name: string): boolean {
  return name.startsWith("predictions.") || name.startsWith("sop_classifier.");
}

const part = (name: string, ...shape: number[]): ParameterPart => ({ name, shape });

function weightAndBias(
  prefix: string,
  outputs: number,
  inputs: number,
): Record<string, ParameterSpec> {
  return {
    [`${prefix}.weight`]: single(part(`${prefix}.weight`, outputs, inputs), true),
    [`${prefix}.bias`]: single(part(`${prefix}.bias`, outputs), false),
  };
}

function single(only: ParameterPart, decay: boolean): ParameterSpec {
  return { shape: only.shape, parts: [only], decay };
}

function norm(prefix: string, size: number): Record<string, ParameterSpec> {
  // Trainer decays every parameter but biases and LayerNorms (transformers, Trainer.get_decay_parameter_names).
  return {
    [`${prefix}.weight`]: single(part(`${prefix}.weight`, size), false),
    [`${prefix}.bias`]: single(part(`${prefix}.bias`, size), false),
  };
}

/** The prefix of inner layer `j` of group `g`, on disk and in the parameter set. */
export function layerPrefix(g: number, j: number): string {
  return `albert.encoder.albert_layer_groups.${g}.albert_layers.${j}`;
}

function layer(prefix: string, H: number, F: number): Record<string, ParameterSpec> {
  const qkv = ["query", "key", "value"].map((name) => `${prefix}.attention.${name}`);
  return {
    // One product for q, k and v: their weights lie back to back.
    [`${prefix}.attention.qkv.weight`]: {
      shape: [3 * H, H],
      parts: qkv.map((name) => part(`${name}.weight`, H, H)),
      decay: true,
    },
    [`${prefix}.attention.qkv.bias`]: {
      shape: [3 * H],
      parts: qkv.map((name) => part(`${name}.bias`, H)),
      decay: false,
    },
    ...weightAndBias(`${prefix}.attention.dense`, H, H),
    ...norm(`${prefix}.attention.LayerNorm`, H),
    ...weightAndBias(`${prefix}.ffn`, F, H),
    ...weightAndBias(`${prefix}.ffn_output`, H, F),
    ...norm(`${prefix}.full_layer_layer_norm`, H),
  };
}

/**
 * The parameter specs of a config, by the key the forward pass uses. The three embedding tables are one tensor, so that one
 * kernel sums their rows; so are query, key and value of a layer.
 */
export function albertParameters(config: AlbertConfig): Record<string, ParameterSpec> {
  const { vocab_size: V, embedding_size: E, hidden_size: H, intermediate_size: F } = config;
  const tables = [
    part("albert.embeddings.word_embeddings.weight", V, E),
    part("albert.embeddings.position_embeddings.weight", config.max_position_embeddings, E),
    part("albert.embeddings.token_type_embeddings.weight", config.type_vocab_size, E),
  ];
  const rows = tables.reduce((sum, table) => sum + table.shape[0]!, 0);
  const specs: Record<string, ParameterSpec> = {
    "albert.embeddings": { shape: [rows, E], parts: tables, decay: true },
    ...norm("albert.embeddings.LayerNorm", E),
    ...weightAndBias("albert.encoder.embedding_hidden_mapping_in", H, E),
  };
  for (let g = 0; g < config.num_hidden_groups; g++) {
    for (let j = 0; j < config.inner_group_num; j++) {
      Object.assign(specs, layer(layerPrefix(g, j), H, F));
    }
  }
  return {
    ...specs,
    ...weightAndBias("albert.pooler", H, H),
    ...weightAndBias("classifier", config.num_labels, H),
  };
}

/**
 * A new value for one named part, as transformers' AlbertPreTrainedModel._init_weights: weights N(0, initializer_range),
 * biases 0, LayerNorm weights 1, the padding row of the word table 0.
 */
export function initialValues(
  { name, shape }: ParameterPart,
  config: AlbertConfig,
  random: Random,
): Float32Array {
  const values = new Float32Array(elementCount(shape));
  if (name.endsWith(".bias")) return values;
  if (/(LayerNorm|layer_norm)\.weight$/.test(name)) return values.fill(1);
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * config.initializer_range;
  if (name === "albert.embeddings.word_embeddings.weight") {
    const E = config.embedding_size;
    values.fill(0, config.pad_token_id * E, (config.pad_token_id + 1) * E);
  }
  return values;
}
