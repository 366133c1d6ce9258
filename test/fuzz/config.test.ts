import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../engine/index.ts";
import { parseConfig, serializeConfig } from "../../model/index.ts";
import { RUNS, survives } from "./runs.ts";

const FIELDS = [
  "vocab_size",
  "embedding_size",
  "hidden_size",
  "num_hidden_layers",
  "num_hidden_groups",
  "num_attention_heads",
  "intermediate_size",
  "inner_group_num",
  "hidden_act",
  "hidden_dropout_prob",
  "classifier_dropout_prob",
  "max_position_embeddings",
  "layer_norm_eps",
  "pad_token_id",
  "id2label",
  "label2id",
  "num_labels",
  "model_type",
  "position_embedding_type",
  "torch_dtype",
  "__proto__",
  "toString",
];
const value = fc.oneof(
  fc.integer({ min: -1, max: 64 }),
  fc.double(),
  fc.constantFrom("gelu_new", "relu", "albert", "absolute", "", null, true, 1e308, NaN, 0.1, 0),
  fc.dictionary(fc.oneof(fc.nat(3).map(String), fc.string()), fc.oneof(fc.string(), fc.nat(3))),
  fc.jsonValue(),
);
const config = fc.dictionary(fc.oneof(fc.constantFrom(...FIELDS), fc.string()), value, {
  maxKeys: 8,
});

describe("the config reader, on generated objects", () => {
  it("refuses with a ConfigError, or gives a config it can write and read again", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(config, async (fields) => {
        const read = await survives(() => parseConfig(fields, "config.json"), [ConfigError]);
        if (!read) return;
        accepted++;
        expect(read.hidden_size % read.num_attention_heads).toBe(0);
        expect(Object.keys(read.id2label)).toHaveLength(read.num_labels);
        expect(parseConfig(JSON.parse(serializeConfig(read)), "again")).toEqual(read);
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(0); // else the property says nothing about what is accepted
  });

  it("refuses anything that is no object", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (json) => {
        await survives(() => parseConfig(json, "config.json"), [ConfigError]);
      }),
      { numRuns: RUNS },
    );
  });
});
