import { afterAll, describe, expect, it } from "vitest";
import { DataError, Random, ShapeError } from "../../../engine/index.ts";
import type { AlbertForSequenceClassification } from "../../../model/index.ts";
import { EmbeddingPath } from "../../../train/explain/embedding-path.ts";
import { integratedGradients } from "../../../train/explain/integrated-gradients.ts";
import { AdamW } from "../../../train/optimiser.ts";
import { trainStep } from "../../../train/step.ts";
import { openTestGpu } from "../../support/device.ts";
import { padded, tinyConfig, tinyModel } from "../../support/tiny-albert.ts";

const gpu = await openTestGpu();

/** Models by their number of classes, every weight drawn at random. */
const models = [2, 3].map((K) => {
  const labels = Array.from({ length: K }, (_, k) => [k, `class ${k}`] as const);
  const id2label = Object.fromEntries(labels);
  const label2id = Object.fromEntries(labels.map(([k, name]) => [name, k]));
  return tinyModel(gpu, tinyConfig({ num_labels: K, id2label, label2id }));
});
afterAll(() => models.forEach((model) => model.destroy()));
const [ofTwo, ofThree] = models as [
  AlbertForSequenceClassification,
  AlbertForSequenceClassification,
];

const TEXT = Uint32Array.of(2, 17, 31, 8, 44, 12, 29, 9, 3);
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

describe("the path from nothing to a text", () => {
  const direction = Float32Array.of(1, -1);
  const scoreOf = (logits: Float32Array): number => logits[0]! - logits[1]!;
  const open = (batchSize: number) => EmbeddingPath.open({ gpu, model: ofTwo, batchSize }, TEXT);

  it("starts at the text with [PAD] between [CLS] and [SEP], and ends at the text", async () => {
    const path = await open(4);
    const blank = TEXT.map((id, t) => (t === 0 || t === TEXT.length - 1 ? id : 0));
    const logits = await gpu.read(ofTwo.forward(padded([blank, TEXT], TEXT.length, 0)));
    const [atStart, atEnd] = await path.logits([0, 1]);
    for (let k = 0; k < 2; k++) {
      for (const start of [path.start, atStart!]) expect(start[k]).toBeCloseTo(logits[k]!, 5);
      for (const end of [path.end, atEnd!]) expect(end[k]).toBeCloseTo(logits[2 + k]!, 5);
    }
    expect(Math.abs(scoreOf(path.end) - scoreOf(path.start))).toBeGreaterThan(0.1);
  });

  it("has the finite differences of the score along it as slopes, in batches of any size", async () => {
    const path = await open(4);
    const h = 1 / 256;
    const places = [0.1, 0.3, 0.5, 0.7, 0.9, 0.95];
    const slopes = await path.slopes(places, direction);
    const around = await path.logits(places.flatMap((at) => [at - h, at + h]));
    const alone = await (await open(1)).slopes(places, direction);
    const largest = Math.max(...slopes.map((slope) => Math.abs(sum(slope))));
    expect(largest).toBeGreaterThan(0.5);
    places.forEach((_, i) => {
      const difference = (scoreOf(around[2 * i + 1]!) - scoreOf(around[2 * i]!)) / (2 * h);
      expect(Math.abs(sum(slopes[i]!) - difference)).toBeLessThan(1e-3 * largest);
      slopes[i]!.forEach((slope, t) => expect(alone[i]![t]).toBeCloseTo(slope, 5));
      expect([slopes[i]![0], slopes[i]!.at(-1)]).toEqual([0, 0]);
    });
  });

  it("is refused for a text longer than the model takes", async () => {
    const path = EmbeddingPath.open({ gpu, model: ofTwo, batchSize: 4 }, Array<number>(65).fill(9));
    await expect(path).rejects.toThrow(DataError);
  });
});

describe("integrated gradients", () => {
  it.each([
    [ofTwo, 0],
    [ofTwo, 1],
    [ofThree, 0],
    [ofThree, 2],
  ])("add up to the difference of the scores", async (model, classId) => {
    const K = model.config.num_labels;
    const found = await integratedGradients(gpu, model, TEXT, { classId });
    const others = sum(found.logits) - found.logits[classId]!;
    expect(found.score).toBeCloseTo(found.logits[classId]! - others / (K - 1), 6);
    const difference = found.score - found.baseline;
    expect(found.bound).toBe(Math.max(0.01 * Math.abs(difference), 1e-3));
    expect(Math.abs(sum(found.attributions) - difference)).toBeLessThanOrEqual(found.bound);
    expect(found.error).toBe(Math.abs(found.sum - difference));
    expect(found.complete).toBe(true);
  });

  it("explain the predicted class unless told otherwise", async () => {
    const { classId, predicted, logits } = await integratedGradients(gpu, ofThree, TEXT);
    expect(logits[predicted]).toBe(Math.max(...logits));
    expect(classId).toBe(predicted);
  });

  it("have the same bits each time, and the opposite sign for the other of two classes", async () => {
    const first = await integratedGradients(gpu, ofTwo, TEXT, { classId: 0 });
    expect(await integratedGradients(gpu, ofTwo, TEXT, { classId: 0 })).toEqual(first);
    const other = await integratedGradients(gpu, ofTwo, TEXT, { classId: 1 });
    expect(other.attributions.map((value) => 0 - value)).toEqual(first.attributions);
  });

  it("are refused without points, room for them, or a bound", async () => {
    const [batchSize, maxPoints, tolerance] = [0, 7, NaN];
    for (const options of [{ batchSize }, { maxPoints }, { tolerance }]) {
      await expect(integratedGradients(gpu, ofTwo, TEXT, options)).rejects.toThrow(
        `${Object.keys(options)[0]} must be`,
      );
    }
  });

  it("leave the gradients of the parameters alone", async () => {
    gpu.set(ofTwo.parameters.gradients, new Float32Array(ofTwo.parameters.size));
    await integratedGradients(gpu, ofTwo, TEXT);
    const gradients = await gpu.read(ofTwo.parameters.gradients);
    expect(gradients.every((value) => value === 0)).toBe(true);
  });

  it.each([-1, 2, 0.5])("are refused for class %d of two", async (classId) => {
    const found = integratedGradients(gpu, ofTwo, TEXT, { classId });
    await expect(found).rejects.toThrow(ShapeError);
    await expect(found).rejects.toThrow(`the class must be in [0, 2); got ${classId}`);
  });

  it("stop between two batches when the signal says so", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(integratedGradients(gpu, ofTwo, TEXT, { signal })).rejects.toThrow("enough");
  });
});

/** Texts of 12 ids; those of class 1 hold the planted id somewhere, the others do not. */
const PLANTED = 7;
function plantedTexts(count: number, seed: number) {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const text = Uint32Array.from({ length: 12 }, () => 8 + random.int(42));
    text[0] = 2;
    text[11] = 3;
    const at = 1 + random.int(10);
    if (i % 2 === 1) text[at] = PLANTED;
    return { text, at, label: i % 2 };
  });
}

describe("a model that learnt one word", () => {
  const model = tinyModel(gpu, tinyConfig());
  afterAll(() => model.destroy());
  const adamw = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

  it("is explained by that word, within 1 %, and says so where too few points were allowed", async () => {
    const optimiser = new AdamW(gpu, model.parameters, adamw);
    for (let step = 0; step < 80; step++) {
      const some = plantedTexts(32, step);
      const labels = Uint32Array.from(some, ({ label }) => label);
      const batch = { ...padded(some.map(({ text }) => text), 12, 0), labels }; // prettier-ignore
      const options = { learningRate: 5e-3, maxGradNorm: 1, dropoutSeed: [0, step] };
      await gpu.settle(trainStep(gpu, model, optimiser, [batch], options));
    }
    optimiser.destroy();
    let incomplete = 0;
    for (const { text, at, label } of plantedTexts(8, 1000)) {
      const found = await integratedGradients(gpu, model, text);
      const few = await integratedGradients(gpu, model, text, { maxPoints: 8 });
      expect(found.predicted).toBe(label);
      expect(found.complete).toBe(true);
      expect(found.error).toBeLessThanOrEqual(0.01 * Math.abs(found.score - found.baseline));
      expect(few.points).toBe(8);
      expect(few.complete).toBe(few.error <= few.bound);
      if (!few.complete) incomplete++;
      if (label === 0) continue;
      expect(Math.max(...found.attributions)).toBe(found.attributions[at]);
      expect(found.attributions[at]).toBeGreaterThan(0.5 * Math.abs(found.score - found.baseline));
    }
    expect(incomplete).toBeGreaterThan(0);
  });
});
