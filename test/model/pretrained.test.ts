import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  AlbertForSequenceClassification,
  loadPretrained,
  savePretrained,
  serializeConfig,
  Tokenizer,
} from "../../model/index.ts";
import { Random } from "../../engine/random.ts";
import { openTestGpu } from "../support/device.ts";
import { tinyConfig } from "../support/tiny-albert.ts";
import { SPIECE } from "../cli/news.ts";

const gpu = await openTestGpu();

describe("a model folder without model.safetensors", () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "albert-gpu-pretrained-"));
    await (await Tokenizer.load(SPIECE)).save(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  // In the order they are put there: what is easier to use is spoken of first.
  it.each([
    ["config.json", /model\.safetensors: is missing: a model folder holds/],
    ["pytorch_model.bin", /pytorch_model\.bin: cannot be read: it is a Python pickle/],
    ["model.safetensors.index.json", /is of weights in several files.*max_shard_size='100GB'/],
  ])("says what to do with %s", async (name, message) => {
    const content =
      name === "config.json" ? serializeConfig(tinyConfig({ vocab_size: 30_000 })) : "";
    writeFileSync(join(folder, name), content);
    await expect(loadPretrained(gpu, folder)).rejects.toThrow(message);
  });
});

describe("a model folder whose weights are broken", () => {
  it.each([NaN, -Infinity])("is refused with the tensor that holds %d", async (broken) => {
    const folder = mkdtempSync(join(tmpdir(), "albert-gpu-broken-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const model = new AlbertForSequenceClassification(gpu, tinyConfig({ vocab_size: 30_000 }));
    onTestFinished(() => model.destroy());
    model.initialise(new Random(1));
    const bias = new Float32Array(model.config.hidden_size).fill(0.5);
    bias[3] = broken;
    model.parameters.set("albert.pooler.bias", [bias.length], bias);
    await savePretrained(folder, model, await Tokenizer.load(SPIECE));
    await expect(loadPretrained(gpu, folder)).rejects.toThrow(
      /model\.safetensors: albert\.pooler\.bias must hold finite numbers; it has NaN or infinity\./,
    );
  });
});
