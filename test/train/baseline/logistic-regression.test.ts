// The bag of words and its logistic regression against scikit-learn's, on the sample set.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BagOfWords, wordsOf } from "../../../train/baseline/bag-of-words.ts";
import {
  fitLogistic,
  type LinearModel,
  logisticLogits,
  strongestFeatures,
} from "../../../train/baseline/logistic-regression.ts";
import { softmaxRows } from "../../../train/evaluate.ts";
import { items } from "../../cli/news.ts";

interface Golden {
  odd: string[];
  cases: {
    title: string;
    C: number;
    trained: number;
    labels: number[];
    features: number;
    elements: number;
    weights: Record<string, number[]>;
    intercepts: number[];
    probabilities: number[][];
  }[];
}

const file = new URL("../fixtures/baseline.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;
const sample = items(0, 240).map(({ title, text }) => `${title} ${text}`);
const texts = [...sample.slice(0, 100), ...golden.odd, ...golden.odd, ...sample.slice(100)];

async function fitted({ C, trained, labels }: Golden["cases"][number], start?: LinearModel) {
  const bag = await BagOfWords.fit(texts.slice(0, trained));
  const rows = await bag.transform(texts.slice(0, trained));
  const K = new Set(labels).size;
  const options = { features: bag.features, K, C, start, tolerance: 1e-9, maxIterations: 5000 };
  const model = await fitLogistic(rows, Uint32Array.from(labels.slice(0, trained)), options);
  return { bag, rows, model };
}

describe.each(golden.cases)("a baseline of $title", (wanted) => {
  it("has scikit-learn's features, weights, intercepts and probabilities", async () => {
    const { bag, rows, model } = await fitted(wanted);
    expect(bag.features).toBe(wanted.features);
    expect(rows.elements).toBe(wanted.elements);
    expect(model.converged).toBe(true);
    const O = model.intercepts.length;
    const columns = new Map(Array.from({ length: bag.features }, (_, i) => [bag.name(i), i]));
    for (const [name, weights] of Object.entries(wanted.weights)) {
      const at = columns.get(name)! * O;
      weights.forEach((weight, o) => expect(model.weights[at + o], name).toBeCloseTo(weight, 5));
    }
    // scikit-learn's intercepts of three classes may be shifted together: softmax does not see it.
    const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b) / O;
    const shift = O > 1 ? mean(wanted.intercepts) - mean(model.intercepts) : 0;
    wanted.intercepts.forEach((intercept, o) =>
      expect(model.intercepts[o]! + shift).toBeCloseTo(intercept, 5),
    );
    const logits = logisticLogits(await bag.transform(texts.slice(wanted.trained)), model);
    const probabilities = softmaxRows(logits, model.K);
    const flat = wanted.probabilities.flat();
    expect(probabilities).toHaveLength(flat.length);
    flat.forEach((p, i) => expect(probabilities[i]).toBeCloseTo(p, 5));
  });
});

describe("a fit", () => {
  const [one, hundred] = golden.cases as [Golden["cases"][number], Golden["cases"][number]];

  it("comes to the same place from another's weights, and to the same bits each time", async () => {
    const { model } = await fitted(hundred);
    const { model: start } = await fitted(one);
    const { model: warm } = await fitted(hundred, start);
    model.weights.forEach((weight, i) => expect(warm.weights[i]).toBeCloseTo(weight, 4));
    const { model: again } = await fitted(hundred);
    expect(again).toEqual(model);
  });

  it("names the features that speak most for each class", async () => {
    const { bag, model } = await fitted(one);
    for (const classId of [0, 1]) {
      const top = strongestFeatures(model, classId, 5);
      expect(top).toHaveLength(5);
      const signed = model.weights.map((weight) => (classId === 0 ? -weight : weight));
      expect(top[0]![1]).toBe(Math.max(...signed));
      expect(top.map(([, weight]) => weight)).toEqual(
        top.map(([, weight]) => weight).sort((a, b) => b - a),
      );
      expect(bag.name(top[0]![0])).toMatch(/^\S+( \S+)?$/);
    }
  });
});

it("reads a word of millions of letters, in pieces of a million", () => {
  const words = wordsOf(`one ${"ACGT".repeat(2_250_000)} two`);
  expect(words.map(({ length }) => length)).toEqual([3, ...Array<number>(9).fill(1_000_000), 3]);
});
