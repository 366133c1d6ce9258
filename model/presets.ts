// Named shapes: the published ALBERT v2 models (Lan et al. 2020, arXiv:1909.11942, table 1; values of their config.json),
// and smaller ones that learn a classifier from scratch.

import { ConfigError } from "../engine/errors.ts";
import type { AlbertConfig } from "./config.ts";
import { labelFields, parseConfig } from "./config.ts";

/** A model's shape without what the tokeniser and the labels decide. */
export interface Preset {
  readonly config: Readonly<ReturnType<typeof shape>>;
  /** Settings for training from scratch; absent where that makes no sense without pretraining. */
  readonly suggested?: { readonly learningRate: number; readonly warmupSteps: number };
}

export type PresetName = "tiny" | "mini" | "small" | "base" | "large" | "xlarge" | "xxlarge";

/** The presets by name, smallest first. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  tiny: { config: scratch(32, 64, 2, 4), suggested: { learningRate: 1e-3, warmupSteps: 50 } },
  mini: { config: scratch(64, 128, 2, 4), suggested: { learningRate: 5e-4, warmupSteps: 100 } },
  small: { config: scratch(128, 256, 6, 4), suggested: { learningRate: 3e-4, warmupSteps: 200 } },
  base: { config: shape(128, 768, 12, 12) },
  large: { config: shape(128, 1024, 24, 16) },
  xlarge: { config: shape(128, 2048, 24, 16) },
  xxlarge: { config: shape(128, 4096, 12, 64) },
};

/** What the tokeniser and the data add to a preset. The ids default to those of the published vocabulary. */
export interface PresetInput {
  readonly vocabSize: number;
  /** Class names in the order of their ids, at least two. */
  readonly labels: readonly string[];
  readonly padId?: number;
  readonly clsId?: number;
  readonly sepId?: number;
}

/** The whole configuration of preset `name` for a vocabulary and labels. Throws ConfigError for an unknown name, or where they do not fit. */
export function presetConfig(name: PresetName, input: PresetInput): AlbertConfig {
  if (!Object.hasOwn(PRESETS, name)) {
    const known = Object.keys(PRESETS).join(", ");
    throw new ConfigError(`presetConfig: the name must be one of ${known}; got ${name as string}.`);
  }
  const where = `preset ${name}`;
  return parseConfig(
    {
      ...PRESETS[name].config,
      ...labelFields(input.labels, where),
      vocab_size: input.vocabSize,
      pad_token_id: input.padId ?? 0,
      bos_token_id: input.clsId ?? 2,
      eos_token_id: input.sepId ?? 3,
    },
    where,
  );
}

function shape(E: number, H: number, L: number, A: number) {
  return {
    embedding_size: E,
    hidden_size: H,
    num_hidden_layers: L,
    num_attention_heads: A,
    intermediate_size: 4 * H,
    hidden_act: "gelu_new" as const,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    classifier_dropout_prob: 0.1,
    max_position_embeddings: 512,
  };
}

// Small models see their training set many times: unlike the published ones they need dropout inside.
function scratch(E: number, H: number, L: number, A: number): ReturnType<typeof shape> {
  return { ...shape(E, H, L, A), hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1 };
}
