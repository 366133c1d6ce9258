// AlbertConfig as transformers writes it to config.json: reading, checking and writing. Field names are Hugging Face's.
// Defaults: https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/albert/configuration_albert.py

import { ConfigError } from "../engine/errors.ts";
import { readJson, resolveInFolder } from "./read-file.ts";

/** Activations of the feed-forward layer: "gelu_new" is the tanh form, "gelu" the exact one. */
export type HiddenAct = "gelu_new" | "gelu" | "relu";

/** The shape of an ALBERT classifier and all that its computation depends on. */
export interface AlbertConfig {
  /** Number of pieces; ids are below it. */
  readonly vocab_size: number;
  /** Width E of the word, position and token type tables. */
  readonly embedding_size: number;
  /** Width H of the encoder; a multiple of num_attention_heads. */
  readonly hidden_size: number;
  /** How many layers a token passes through. */
  readonly num_hidden_layers: number;
  /** How many groups of layers have parameters of their own; layer i uses group floor(i / (layers / groups)). */
  readonly num_hidden_groups: number;
  readonly num_attention_heads: number;
  /** Width F of the feed-forward layer. */
  readonly intermediate_size: number;
  /** Layers per group, each with its own parameters. */
  readonly inner_group_num: number;
  readonly hidden_act: HiddenAct;
  /** Probability in [0, 1), after the embeddings, the attention's and the feed-forward's output. */
  readonly hidden_dropout_prob: number;
  /** Probability in [0, 1), on the attention weights. */
  readonly attention_probs_dropout_prob: number;
  /** Longest input, in tokens with [CLS] and [SEP]. */
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  /** Standard deviation of new weights. */
  readonly initializer_range: number;
  readonly layer_norm_eps: number;
  /** Probability in [0, 1), on the pooled output. */
  readonly classifier_dropout_prob: number;
  readonly position_embedding_type: "absolute";
  readonly pad_token_id: number;
  readonly bos_token_id: number;
  readonly eos_token_id: number;
  /** Number of classes, at least 2. */
  readonly num_labels: number;
  /** The name of each class, by its id from 0 on. */
  readonly id2label: Readonly<Record<number, string>>;
  readonly label2id: Readonly<Record<string, number>>;
}

/** transformers' values for what config.json leaves out: the shape of albert-xxlarge. */
const DEFAULTS = {
  vocab_size: 30_000,
  embedding_size: 128,
  hidden_size: 4096,
  num_hidden_layers: 12,
  num_hidden_groups: 1,
  num_attention_heads: 64,
  intermediate_size: 16_384,
  inner_group_num: 1,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  classifier_dropout_prob: 0.1,
  pad_token_id: 0,
  bos_token_id: 2,
  eos_token_id: 3,
} as const;

type NumberField = keyof typeof DEFAULTS;

const ACTIVATIONS: ReadonlyMap<unknown, HiddenAct> = new Map([
  ["gelu_new", "gelu_new"],
  ["gelu_pytorch_tanh", "gelu_new"], // the same formula, by PyTorch's own kernel
  ["gelu", "gelu"],
  ["relu", "relu"],
]);

/** Fields whose other values would be another computation than the one this project does. */
const REQUIRED: ReadonlyMap<string, readonly unknown[]> = new Map([
  ["model_type", ["albert"]],
  ["position_embedding_type", ["absolute"]],
  ["problem_type", [null, "single_label_classification"]],
  ["is_decoder", [false]],
  ["is_encoder_decoder", [false]],
  ["add_cross_attention", [false]],
]);

/** Fields that transformers writes and that do not change what a classifier computes. "_..." is private to it. */
const IGNORED = new Set(
  `architectures transformers_version torch_dtype dtype return_dict output_attentions output_hidden_states
  output_past torchscript use_bfloat16 use_cache tie_word_embeddings tie_encoder_decoder chunk_size_feed_forward
  cross_attention_hidden_size finetuning_task task_specific_params tokenizer_class prefix tf_legacy_loss
  attn_implementation experts_implementation sep_token_id cls_token_id decoder_start_token_id
  down_scale_factor gap_size net_structure_type num_memory_blocks layers_to_keep
  max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p
  typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids
  num_return_sequences output_scores return_dict_in_generate forced_bos_token_id forced_eos_token_id
  remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens`.split(
    /\s+/,
  ),
);

const LABEL_FIELDS = ["num_labels", "id2label", "label2id"];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads config.json from a folder, or the file itself. Throws FileError if it is missing, no JSON or a git-LFS
 * pointer, and ConfigError as parseConfig does.
 */
export async function loadConfig(dirOrFile: string): Promise<AlbertConfig> {
  const path = await resolveInFolder(dirOrFile, "config.json");
  return parseConfig(await readJson(path), path);
}

/**
 * Checks a parsed config.json and fills in transformers' defaults; `where` begins each message. Throws ConfigError,
 * naming the field, for a value this model does not support and for any field that is not known to be harmless.
 */
export function parseConfig(json: unknown, where: string): AlbertConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError(`${where}: must be a JSON object; got ${show(json)}.`);
  }
  const fields: Fields = { ...json };
  refuseUnsupported(fields, where);
  const config = { ...readShape(fields, where), ...readLabels(fields, where) };
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new ConfigError(
      `${where}: hidden_size must be a multiple of num_attention_heads; got ${config.hidden_size} and ${config.num_attention_heads}.`,
    );
  }
  if (config.num_hidden_groups > config.num_hidden_layers) {
    throw new ConfigError(
      `${where}: num_hidden_groups must be at most num_hidden_layers, or some groups are never used; got ${config.num_hidden_groups} and ${config.num_hidden_layers}.`,
    );
  }
  if (config.pad_token_id >= config.vocab_size) {
    throw new ConfigError(
      `${where}: pad_token_id must be below vocab_size; got ${config.pad_token_id} and ${config.vocab_size}.`,
    );
  }
  return config;
}

/** The text of a config.json that parseConfig reads back, and transformers as an AlbertForSequenceClassification. */
export function serializeConfig(config: AlbertConfig): string {
  const { num_labels: _, ...written } = config; // transformers counts id2label instead
  const fields = {
    ...written,
    architectures: ["AlbertForSequenceClassification"],
    model_type: "albert",
  };
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

/** The label fields for classes 0, 1, ... with these names. Throws ConfigError for fewer than 2 or for repeated ones. */
export function labelFields(
  labels: readonly string[],
  where: string,
): Pick<AlbertConfig, "num_labels" | "id2label" | "label2id"> {
  if (labels.length < 2) {
    throw new ConfigError(
      `${where}: num_labels must be at least 2 (one label would be regression); got ${labels.length}.`,
    );
  }
  const label2id = Object.fromEntries(labels.map((label, id) => [label, id]));
  if (Object.keys(label2id).length < labels.length) {
    throw new ConfigError(`${where}: the names in id2label must differ; got ${show(labels)}.`);
  }
  return { num_labels: labels.length, id2label: Object.fromEntries(labels.entries()), label2id };
}

function refuseUnsupported(fields: Fields, where: string): void {
  for (const [name, value] of Object.entries(fields)) {
    if (Object.hasOwn(DEFAULTS, name) || name === "hidden_act" || LABEL_FIELDS.includes(name))
      continue;
    if (IGNORED.has(name) || name.startsWith("_")) continue;
    const allowed = REQUIRED.get(name);
    if (allowed?.includes(value)) continue;
    // Heads can be pruned away in a saved model; none is what every published one has.
    if (name === "pruned_heads" && show(value) === "{}") continue;
    if (!allowed && name !== "pruned_heads") {
      throw new ConfigError(
        `${where}: ${name} is not a field this model knows, and it could change the result; got ${show(value)}. Remove it if it does not.`,
      );
    }
    const required = allowed?.map(show).join(" or ") ?? "{}";
    throw new ConfigError(`${where}: ${name} must be ${required}; got ${show(value)}.`);
  }
}

function readShape(
  fields: Fields,
  where: string,
): Pick<AlbertConfig, NumberField | "hidden_act" | "position_embedding_type"> {
  const number = (name: NumberField, fits: (value: number) => boolean, requirement: string) => {
    const value = fields[name] ?? DEFAULTS[name];
    if (typeof value === "number" && fits(value)) return value;
    throw new ConfigError(`${where}: ${name} must be ${requirement}; got ${show(value)}.`);
  };
  const count = (name: NumberField) =>
    number(name, (n) => Number.isSafeInteger(n) && n > 0, "a positive integer");
  const id = (name: NumberField) =>
    number(name, (n) => Number.isSafeInteger(n) && n >= 0, "an integer of at least 0");
  const probability = (name: NumberField) =>
    number(name, (p) => p >= 0 && p < 1, "a probability in [0, 1)");
  const positive = (name: NumberField) =>
    number(name, (n) => n > 0 && Number.isFinite(n), "a positive number");
  const act = fields["hidden_act"] ?? "gelu_new";
  const hidden_act = ACTIVATIONS.get(act);
  if (hidden_act === undefined) {
    const names = [...ACTIVATIONS.keys()].join(", ");
    throw new ConfigError(`${where}: hidden_act must be one of ${names}; got ${show(act)}.`);
  }
  return {
    vocab_size: count("vocab_size"),
    embedding_size: count("embedding_size"),
    hidden_size: count("hidden_size"),
    num_hidden_layers: count("num_hidden_layers"),
    num_hidden_groups: count("num_hidden_groups"),
    num_attention_heads: count("num_attention_heads"),
    intermediate_size: count("intermediate_size"),
    inner_group_num: count("inner_group_num"),
    hidden_act,
    hidden_dropout_prob: probability("hidden_dropout_prob"),
    attention_probs_dropout_prob: probability("attention_probs_dropout_prob"),
    max_position_embeddings: count("max_position_embeddings"),
    type_vocab_size: count("type_vocab_size"),
    initializer_range: positive("initializer_range"),
    layer_norm_eps: positive("layer_norm_eps"),
    classifier_dropout_prob: probability("classifier_dropout_prob"),
    position_embedding_type: "absolute",
    pad_token_id: id("pad_token_id"),
    bos_token_id: id("bos_token_id"),
    eos_token_id: id("eos_token_id"),
  };
}

// The names come from id2label, as in transformers; the other two fields may only repeat what it says.
function readLabels(fields: Fields, where: string): ReturnType<typeof labelFields> {
  const { num_labels: count, id2label, label2id } = fields;
  const labels: string[] = [];
  if (id2label === undefined || id2label === null) {
    const n = count ?? 2;
    if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 1 || n > 1e6) {
      throw new ConfigError(
        `${where}: num_labels must be an integer of at least 2; got ${show(n)}.`,
      );
    }
    for (let id = 0; id < n; id++) labels.push(`LABEL_${id}`);
  } else {
    const names = typeof id2label === "object" ? new Map(Object.entries(id2label)) : new Map();
    for (let id = 0; id < names.size; id++) {
      const name: unknown = names.get(String(id));
      if (typeof name === "string") labels.push(name);
    }
    if (labels.length !== names.size || Array.isArray(id2label)) {
      throw new ConfigError(
        `${where}: id2label must name the classes "0", "1", ... without a gap; got ${show(id2label)}.`,
      );
    }
    if (typeof count === "number" && count !== labels.length) {
      throw new ConfigError(
        `${where}: num_labels must be the number of names in id2label, ${labels.length}; got ${count}.`,
      );
    }
  }
  const read = labelFields(labels, where);
  for (const [label, id] of Object.entries(label2id ?? {})) {
    const expected = Object.hasOwn(read.label2id, label) ? read.label2id[label] : id;
    if (id !== expected) {
      throw new ConfigError(
        `${where}: label2id must agree with id2label, where ${show(label)} is ${expected}; got ${show(id)}.`,
      );
    }
  }
  return read;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
