// Small ALBERT models with weights that matter: normal numbers where a new model has 0, 1 or 0.02 of them.

import type { Gpu } from "../../engine/gpu.ts";
import { elementCount } from "../../engine/shape.ts";
import { AlbertForSequenceClassification, type TokenBatch } from "../../model/albert.ts";
import { type AlbertConfig, parseConfig } from "../../model/config.ts";
import { normals } from "./random.ts";

/** A configuration with two layers of two heads of 8, a vocabulary of 50 and no dropout, unless told otherwise. */
export function tinyConfig(fields: Partial<AlbertConfig> = {}): AlbertConfig {
  return parseConfig(
    {
      vocab_size: 50,
      embedding_size: 12,
      hidden_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 24,
      hidden_act: "gelu_new",
      max_position_embeddings: 64,
      classifier_dropout_prob: 0,
      ...fields,
    },
    "tiny",
  );
}

/** A model whose every weight is drawn anew; the same config gives the same weights. The caller destroys it. */
export function tinyModel(gpu: Gpu, config: AlbertConfig): AlbertForSequenceClassification {
  const model = new AlbertForSequenceClassification(gpu, config);
  model.parameters.parts.forEach(({ name, shape }, i) => {
    const norm = /(LayerNorm|layer_norm)\.weight$/.test(name);
    const values = normals(i, elementCount(shape), norm ? 0.2 : 0.3);
    model.parameters.set(name, shape, norm ? values.map((value) => 1 + value) : values);
  });
  return model;
}

/** Texts padded to `T` tokens with `padding`. */
export function padded(texts: readonly Uint32Array[], T: number, padding: number): TokenBatch {
  const B = texts.length;
  const ids = new Uint32Array(B * T).fill(padding);
  texts.forEach((text, b) => ids.set(text, b * T));
  const first = Uint32Array.from({ length: B }, (_, b) => b * T);
  return { B, ids, first, lengths: Uint32Array.from(texts, (text) => text.length) };
}
