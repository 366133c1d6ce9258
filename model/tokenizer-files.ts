// The JSON files beside spiece.model: what transformers reads to build the same tokeniser.
// tokenizer.json is not optional: transformers 5 builds its tokeniser from spiece.model without ALBERT's rules for
// "2010," and for user-defined pieces, and gets other ids. With tokenizer.json, versions 4 and 5 agree.

import { FileError } from "../engine/errors.ts";
import type { SpieceModel } from "./spiece.ts";
import { fastScore } from "./spiece.ts";

/** What tokenizer_config.json says that matters here, by its names: how text is normalised before it is split, and a length. */
export interface TokenizerOptions {
  readonly do_lower_case: boolean;
  readonly keep_accents: boolean;
  /** Kept for saving; blanks between words never reach the ids, so neither value changes them. */
  readonly remove_space: boolean;
  /** Tokens of a text, [CLS] and [SEP] counted, that the model is meant for. */
  readonly model_max_length: number;
}

/** The values of albert-base-v2. */
export const DEFAULT_OPTIONS: TokenizerOptions = {
  do_lower_case: true,
  keep_accents: false,
  remove_space: true,
  model_max_length: 512,
};

/** A shorter text has no room between [CLS] and [SEP]. */
export const MIN_LENGTH = 3;

/** ALBERT's special pieces by the name of their role. */
export const SPECIAL_TOKENS = {
  pad_token: "<pad>",
  unk_token: "<unk>",
  cls_token: "[CLS]",
  sep_token: "[SEP]",
  mask_token: "[MASK]",
} as const;

const ROLES: Readonly<Record<string, string>> = {
  ...SPECIAL_TOKENS,
  bos_token: "[CLS]",
  eos_token: "[SEP]",
};

/** Reads the options out of a parsed tokenizer_config.json. Throws FileError for values this tokeniser cannot honour. */
export function parseTokenizerConfig(json: unknown, path: string): TokenizerOptions {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new FileError(path, `must be a JSON object; got ${JSON.stringify(json)}.`);
  }
  const fields: Readonly<Record<string, unknown>> = { ...json };
  const flag = (name: "do_lower_case" | "keep_accents" | "remove_space"): boolean => {
    const value = fields[name] ?? DEFAULT_OPTIONS[name];
    if (typeof value === "boolean") return value;
    throw new FileError(path, `${name} must be true or false; got ${JSON.stringify(value)}.`);
  };
  // transformers writes 1e30 where nothing limits the length.
  const length = fields["model_max_length"] ?? DEFAULT_OPTIONS.model_max_length;
  if (!(typeof length === "number" && length >= MIN_LENGTH)) {
    throw new FileError(
      path,
      `model_max_length must be a number of at least ${MIN_LENGTH}; got ${JSON.stringify(length)}.`,
    );
  }
  for (const [role, token] of Object.entries(ROLES)) {
    const value = fields[role] ?? token;
    const content: unknown =
      typeof value === "object" && "content" in value ? value.content : value;
    if (content !== token) {
      throw new FileError(path, `${role} must be "${token}"; got ${JSON.stringify(content)}.`);
    }
  }
  return {
    do_lower_case: flag("do_lower_case"),
    keep_accents: flag("keep_accents"),
    remove_space: flag("remove_space"),
    model_max_length: length,
  };
}

/** The files to save beside spiece.model, as name and content. `ids` are those of the special tokens. */
export function tokenizerFiles(
  model: SpieceModel,
  options: TokenizerOptions,
  ids: ReadonlyMap<string, number>,
): [name: string, content: string][] {
  const added = (token: string): object => ({
    single_word: false,
    // "[MASK]" stands for a word and the blank before it.
    lstrip: token === SPECIAL_TOKENS.mask_token,
    rstrip: false,
    normalized: false,
    content: token,
  });
  const mask = added(SPECIAL_TOKENS.mask_token);
  const config = {
    tokenizer_class: "AlbertTokenizer",
    ...options,
    ...ROLES,
    mask_token: { __type: "AddedToken", ...mask },
  };
  const addedTokens = [...ids]
    .sort(([, a], [, b]) => a - b)
    .map(([token, id]) => ({ id, ...added(token), special: true }));
  return [
    ["tokenizer_config.json", pretty(config)],
    ["special_tokens_map.json", pretty({ ...ROLES, mask_token: mask })],
    ["tokenizer.json", JSON.stringify(tokenizerJson(model, options, ids, addedTokens))],
  ];
}

// The format is that of the tokenizers library, as AlbertConverter in transformers fills it:
// https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/convert_slow_tokenizer.py
function tokenizerJson(
  { pieces, charsmap }: SpieceModel,
  options: TokenizerOptions,
  ids: ReadonlyMap<string, number>,
  addedTokens: readonly object[],
): object {
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  const template = (token: string): object => ({
    id: token,
    ids: [ids.get(token)],
    tokens: [token],
  });
  const single = [specialToken("[CLS]", 0), sequence("A", 0), specialToken("[SEP]", 0)];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: {
      type: "Sequence",
      normalizers: [
        quotes("``"),
        quotes("''"),
        ...(options.keep_accents ? [] : [{ type: "NFKD" }, { type: "StripAccents" }]),
        ...(options.do_lower_case ? [{ type: "Lowercase" }] : []),
        ...(charsmap.length === 0
          ? []
          : [
              {
                type: "Precompiled",
                precompiled_charsmap: Buffer.from(charsmap).toString("base64"),
              },
            ]),
      ],
    },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: {
      type: "TemplateProcessing",
      single,
      pair: [...single, sequence("B", 1), specialToken("[SEP]", 1)],
      special_tokens: { "[CLS]": template("[CLS]"), "[SEP]": template("[SEP]") },
    },
    decoder: metaspace,
    model: {
      type: "Unigram",
      unk_id: ids.get(SPECIAL_TOKENS.unk_token),
      vocab: pieces.map((piece) => [piece.text, fastScore(piece)]),
      byte_fallback: false,
    },
  };
}

function quotes(from: string): object {
  return { type: "Replace", pattern: { String: from }, content: '"' };
}

function specialToken(id: string, type_id: number): object {
  return { SpecialToken: { id, type_id } };
}

function sequence(id: string, type_id: number): object {
  return { Sequence: { id, type_id } };
}

function pretty(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
