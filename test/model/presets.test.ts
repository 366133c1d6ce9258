import { describe, expect, it } from "vitest";
import { ConfigError } from "../../engine/errors.ts";
import type { PresetName } from "../../model/presets.ts";
import { presetConfig, PRESETS } from "../../model/presets.ts";

const NAMES = Object.keys(PRESETS) as PresetName[];
const INPUT = { vocabSize: 30000, labels: ["fake", "real"] };

describe("presetConfig", () => {
  it.each(NAMES)("gives a valid configuration for %s, whatever the labels", (name) => {
    const config = presetConfig(name, { vocabSize: 1000, labels: ["a", "b", "c"] });
    expect(config).toMatchObject({ vocab_size: 1000, num_labels: 3, num_hidden_groups: 1 });
  });

  // The values of the config.json files published as albert-*-v2.
  it.each<[PresetName, number, number, number, number]>([
    ["base", 12, 768, 12, 3072],
    ["large", 24, 1024, 16, 4096],
    ["xlarge", 24, 2048, 16, 8192],
    ["xxlarge", 12, 4096, 64, 16384],
  ])("has the published shape for %s", (name, layers, hidden, heads, feedForward) => {
    expect(presetConfig(name, INPUT)).toMatchObject({
      num_hidden_layers: layers,
      hidden_size: hidden,
      num_attention_heads: heads,
      intermediate_size: feedForward,
      embedding_size: 128,
      hidden_dropout_prob: 0,
      classifier_dropout_prob: 0.1,
    });
  });

  it("suggests settings only for the shapes that train from scratch, which have dropout inside", () => {
    const suggested = NAMES.filter((name) => PRESETS[name].suggested);
    const dropping = NAMES.filter((name) => presetConfig(name, INPUT).hidden_dropout_prob > 0);
    expect(suggested).toEqual(["tiny", "mini", "small"]);
    expect(dropping).toEqual(suggested);
  });

  it("refuses a name it does not know, with those it does", () => {
    expect(() => presetConfig("huge" as PresetName, INPUT)).toThrow(
      "presetConfig: the name must be one of tiny, mini, small, base, large, xlarge, xxlarge; got huge.",
    );
  });

  it("takes over the special ids of another vocabulary", () => {
    const config = presetConfig("tiny", { ...INPUT, padId: 7, clsId: 8, sepId: 9 });
    expect(config).toMatchObject({ pad_token_id: 7, bos_token_id: 8, eos_token_id: 9 });
  });

  it("refuses a single label and a vocabulary without room for padding", () => {
    expect(() => presetConfig("tiny", { ...INPUT, labels: ["a"] })).toThrow(ConfigError);
    expect(() => presetConfig("tiny", { ...INPUT, vocabSize: 0 })).toThrow(
      /preset tiny: vocab_size/,
    );
  });
});
