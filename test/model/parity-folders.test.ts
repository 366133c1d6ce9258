import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { elementCount, type Gpu } from "../../engine/index.ts";
import { AlbertForSequenceClassification, loadConfig, loadWeights } from "../../model/index.ts";
import { readGolden } from "../parity/cases.ts";
import { relativeError } from "../parity/distance.ts";
import { ELEMENT_TYPES, type FolderGolden, logitsAndDestroy } from "../parity/folders.ts";
import { openPreparedGpu } from "../parity/gpu.ts";
import { hashedValues } from "../support/hashed.ts";

const FOLDERS = fileURLToPath(new URL("../parity/golden/folders", import.meta.url));
const golden = readGolden("folders/logits.json") as FolderGolden;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openPreparedGpu();
});
afterAll(() => gpu.close());

async function open(type: string): Promise<AlbertForSequenceClassification> {
  const folder = join(FOLDERS, type);
  const model = new AlbertForSequenceClassification(gpu, await loadConfig(folder));
  const report = await loadWeights(join(folder, "model.safetensors"), model);
  expect(report).toEqual({ missing: [], unused: [] });
  return model;
}

describe("a folder written by transformers", () => {
  it.each(ELEMENT_TYPES)("in %s gives its logits here", async (type) => {
    const logits = await logitsAndDestroy(gpu, await open(type), golden);
    expect(relativeError(logits, golden.logits[type])).toBeLessThan(1e-5);
  });

  it("differs by element type, so that each file is tested for itself", () => {
    expect(relativeError(golden.logits.f16, golden.logits.f32)).toBeGreaterThan(1e-5);
    expect(relativeError(golden.logits.bf16, golden.logits.f16)).toBeGreaterThan(1e-4);
  });

  it("keeps its label names, and its f32 weights to the last bit", async () => {
    const model = await open("f32");
    expect(model.config.id2label).toEqual({ 0: "fake", 1: "real", 2: "neither" });
    const values = await model.parameters.read();
    model.destroy();
    for (const [name, { shape, data }] of values) {
      expect(data, name).toEqual(hashedValues(name, elementCount(shape), golden));
    }
  });
});
