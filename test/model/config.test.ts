import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, FileError } from "../../engine/errors.ts";
import { loadConfig, parseConfig, serializeConfig } from "../../model/config.ts";
import { withFolder } from "../support/spiece.ts";

/** The config.json published with albert-base-v2. */
const BASE = {
  architectures: ["AlbertForMaskedLM"],
  attention_probs_dropout_prob: 0,
  bos_token_id: 2,
  classifier_dropout_prob: 0.1,
  down_scale_factor: 1,
  embedding_size: 128,
  eos_token_id: 3,
  gap_size: 0,
  hidden_act: "gelu_new",
  hidden_dropout_prob: 0,
  hidden_size: 768,
  initializer_range: 0.02,
  inner_group_num: 1,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
  layers_to_keep: [],
  max_position_embeddings: 512,
  model_type: "albert",
  net_structure_type: 0,
  num_attention_heads: 12,
  num_hidden_groups: 1,
  num_hidden_layers: 12,
  num_memory_blocks: 0,
  pad_token_id: 0,
  type_vocab_size: 2,
  vocab_size: 30000,
};

const parse = (fields: object) => parseConfig({ ...BASE, ...fields }, "config.json");

describe("parseConfig", () => {
  it("reads the config.json of albert-base-v2", () => {
    const config = parse({});
    expect(config).toMatchObject({ hidden_size: 768, num_attention_heads: 12, num_labels: 2 });
    expect(config.id2label).toEqual({ 0: "LABEL_0", 1: "LABEL_1" });
    expect(config).not.toHaveProperty("gap_size");
  });

  it("fills in transformers' defaults, which are the shape of albert-xxlarge", () => {
    expect(parseConfig({}, "config.json")).toEqual({
      vocab_size: 30000,
      embedding_size: 128,
      hidden_size: 4096,
      num_hidden_layers: 12,
      num_hidden_groups: 1,
      num_attention_heads: 64,
      intermediate_size: 16384,
      inner_group_num: 1,
      hidden_act: "gelu_new",
      hidden_dropout_prob: 0,
      attention_probs_dropout_prob: 0,
      max_position_embeddings: 512,
      type_vocab_size: 2,
      initializer_range: 0.02,
      layer_norm_eps: 1e-12,
      classifier_dropout_prob: 0.1,
      position_embedding_type: "absolute",
      pad_token_id: 0,
      bos_token_id: 2,
      eos_token_id: 3,
      num_labels: 2,
      id2label: { 0: "LABEL_0", 1: "LABEL_1" },
      label2id: { LABEL_0: 0, LABEL_1: 1 },
    });
  });

  it("takes the number and names of the labels from id2label", () => {
    const config = parse({ id2label: { 0: "sport", 1: "world", 2: "tech" } });
    expect(config.num_labels).toBe(3);
    expect(config.label2id).toEqual({ sport: 0, world: 1, tech: 2 });
  });

  it("names the labels itself where only num_labels is given", () => {
    expect(parse({ num_labels: 3 }).id2label).toEqual({ 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" });
  });

  it("keeps labels that are spelled like properties of every object", () => {
    const config = parse({ id2label: { 0: "constructor", 1: "__proto__" } });
    expect(Object.entries(config.label2id)).toEqual([
      ["constructor", 0],
      ["__proto__", 1],
    ]);
  });

  it("ignores a label2id that was left at transformers' default names", () => {
    const config = parse({
      id2label: { 0: "fake", 1: "real" },
      label2id: { LABEL_0: 0, LABEL_1: 1 },
    });
    expect(config.label2id).toEqual({ fake: 0, real: 1 });
  });

  it("reads PyTorch's tanh GELU as gelu_new, which is the same formula", () => {
    expect(parse({ hidden_act: "gelu_pytorch_tanh" }).hidden_act).toBe("gelu_new");
  });

  it("accepts a number of layers that the groups do not divide, as floor(i / (layers / groups)) does", () => {
    expect(parse({ num_hidden_layers: 3, num_hidden_groups: 2 }).num_hidden_groups).toBe(2);
  });

  it.each<[string, object, RegExp]>([
    ["another model", { model_type: "bert" }, /model_type must be "albert"; got "bert"/],
    [
      "relative positions",
      { position_embedding_type: "relative_key" },
      /position_embedding_type must/,
    ],
    ["an unknown activation", { hidden_act: "silu" }, /hidden_act must be one of .*; got "silu"/],
    [
      "an activation named like an object's property",
      { hidden_act: "constructor" },
      /hidden_act must/,
    ],
    ["an unknown field", { moe_experts: 8 }, /moe_experts is not a field/],
    [
      "an unknown field named like an object's property",
      { toString: 8 },
      /toString is not a field/,
    ],
    ["a field another model family uses", { classifier_dropout: 0.5 }, /classifier_dropout is not/],
    ["quantised weights", { quantization_config: {} }, /quantization_config is not/],
    ["pruned heads", { pruned_heads: { 0: [1] } }, /pruned_heads must be {}/],
    ["a decoder", { is_decoder: true }, /is_decoder must be false; got true/],
    ["multi-label problems", { problem_type: "multi_label_classification" }, /problem_type must/],
    ["one label", { num_labels: 1 }, /num_labels must be at least 2 .*; got 1/],
    ["one named label", { id2label: { 0: "score" } }, /num_labels must be at least 2/],
    ["a gap in id2label", { id2label: { 0: "a", 2: "b" } }, /id2label must name the classes/],
    ["id2label as a list", { id2label: ["a", "b"] }, /id2label must name the classes/],
    ["a label name twice", { id2label: { 0: "a", 1: "a" } }, /names in id2label must differ/],
    ["num_labels against id2label", { num_labels: 3, id2label: { 0: "a", 1: "b" } }, /num_labels/],
    [
      "label2id against id2label",
      { id2label: { 0: "a", 1: "b" }, label2id: { a: 1, b: 0 } },
      /label2id must agree with id2label, where "?\w+"? is 0; got 1/,
    ],
    ["heads that do not divide the width", { num_attention_heads: 7 }, /multiple of num_attention/],
    ["more groups than layers", { num_hidden_groups: 13 }, /num_hidden_groups must be at most/],
    ["a size of zero", { hidden_size: 0 }, /hidden_size must be a positive integer; got 0/],
    ["a broken size", { vocab_size: 1.5 }, /vocab_size must be a positive integer; got 1.5/],
    ["a size as text", { num_hidden_layers: "12" }, /num_hidden_layers must .*; got "12"/],
    ["certain dropout", { hidden_dropout_prob: 1 }, /hidden_dropout_prob must be a probability/],
    ["negative dropout", { classifier_dropout_prob: -0.1 }, /classifier_dropout_prob must/],
    ["an epsilon of zero", { layer_norm_eps: 0 }, /layer_norm_eps must be a positive number/],
    ["a pad id outside the vocabulary", { pad_token_id: 30000 }, /pad_token_id must be below/],
  ])("refuses %s by name", (_, fields, message) => {
    expect(() => parse(fields)).toThrow(ConfigError);
    expect(() => parse(fields)).toThrow(message);
  });

  it.each([null, [], "albert", 3])("refuses %j, which is no object", (json) => {
    expect(() => parseConfig(json, "here")).toThrow(/^here: must be a JSON object/);
  });

  it("ignores what transformers writes about generation, types and versions", () => {
    const plain = parse({});
    const noisy = parse({
      transformers_version: "4.57.0",
      torch_dtype: "float32",
      dtype: "float32",
      problem_type: "single_label_classification",
      _name_or_path: "albert-base-v2",
      output_attentions: false,
      num_beams: 1,
      pruned_heads: {},
    });
    expect(noisy).toEqual(plain);
  });
});

describe("serializeConfig", () => {
  it("writes what parseConfig reads back unchanged", () => {
    const config = parse({ id2label: { 0: "fake", 1: "real" }, num_hidden_groups: 2 });
    expect(parseConfig(JSON.parse(serializeConfig(config)), "again")).toEqual(config);
  });

  it("names the class transformers shall build, and leaves the count of labels to id2label", () => {
    const written: unknown = JSON.parse(serializeConfig(parse({})));
    expect(written).toMatchObject({
      architectures: ["AlbertForSequenceClassification"],
      model_type: "albert",
      id2label: { "0": "LABEL_0", "1": "LABEL_1" },
    });
    expect(written).not.toHaveProperty("num_labels");
  });
});

describe("loadConfig", () => {
  it("reads a file, or config.json in a folder", () =>
    withFolder(async (dir) => {
      const path = join(dir, "config.json");
      await writeFile(path, JSON.stringify(BASE));
      expect(await loadConfig(dir)).toEqual(parse({}));
      expect(await loadConfig(path)).toEqual(parse({}));
    }));

  it.each<[string, string | Buffer, RegExp]>([
    ["text that is no JSON", "{hidden_size: 768}", /config\.json: must hold JSON; /],
    ["an empty file", "", /must hold JSON/],
    ["invalid UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), /must hold JSON/],
    [
      "a git-LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      /git lfs pull/,
    ],
  ])("refuses %s", (_, content, message) =>
    withFolder(async (dir) => {
      await writeFile(join(dir, "config.json"), content);
      await expect(loadConfig(dir)).rejects.toThrow(FileError);
      await expect(loadConfig(dir)).rejects.toThrow(message);
    }),
  );

  it("says which file or folder does not exist", () =>
    withFolder(async (dir) => {
      await expect(loadConfig(join(dir, "none"))).rejects.toThrow(
        /none: must be a folder with config\.json/,
      );
      await expect(loadConfig(dir)).rejects.toThrow(/config\.json: must be .*; it does not exist/);
    }));
});
