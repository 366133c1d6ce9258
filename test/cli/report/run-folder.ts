// Folders as a finished run leaves them, made without training: what a report is drawn from.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../../engine/index.ts";
import type { TrainResults } from "../../../cli/run-results.ts";
import { DEFAULT_ARGUMENTS, type Prediction } from "../../../train/index.ts";

const score = {
  loss: 0.25,
  accuracy: 0.9,
  precision: 0.9,
  recall: 0.9,
  f1: 0.9,
  macroF1: 0.9,
  seconds: 2,
  samplesPerSecond: 100,
};

/** A run of 40 steps and two evaluations. */
export function results(change: Partial<TrainResults> = {}): TrainResults {
  const steps = [1, 10, 20, 30, 40];
  const trained = steps.map((step) => ({
    step,
    epoch: step / 20,
    loss: 0.7 / step,
    learning_rate: (5e-5 * (40 - step)) / 40,
    grad_norm: 3 / step,
  }));
  const scored = [20, 40].map((step) => ({
    step,
    epoch: step / 20,
    eval_loss: 5 / step,
    eval_accuracy: 0.8 + step / 400,
    eval_precision: 0.8,
    eval_recall: 0.8,
    eval_f1: 0.8 + step / 500,
  }));
  return {
    test: score,
    validation: score,
    steps: 40,
    bestStep: 40,
    data: { options: {}, seed: 42, fingerprints: { train: "a", validation: "b", test: "c" } },
    seconds: 65,
    samplesPerSecond: 123.4,
    command: "albert-gpu train --data 'my news.csv' --output run",
    finished: "2026-03-01T12:30:45.000Z",
    versions: { "albert-gpu": "1.2.3", node: "20.19.0", webgpu: "0.6.2", platform: "linux x64" },
    adapter: { name: "Some GPU", backend: "vulkan", software: false },
    parameters: 133_698,
    labels: ["fake", "real"],
    textColumns: ["title", "text"],
    sizes: { train: 700, validation: 150, test: 150 },
    arguments: DEFAULT_ARGUMENTS,
    stoppedEarly: false,
    output: "somewhere/run",
    warnings: [],
    log: [...trained, ...scored].sort((a, b) => a.step - b.step),
    ...change,
  };
}

/** Random predictions, about `skill` of them right, and so the confidences. */
export function predictions(
  count: number,
  labels: readonly string[],
  text: (row: number) => { title?: string; text: string } = (row) => ({ text: `text ${row}` }),
  skill = 0.8,
): Prediction[] {
  const random = new Random(5);
  const K = labels.length;
  return Array.from({ length: count }, (_, row) => {
    const truth = row % K;
    const said =
      random.uniform() < skill ? truth : (truth + 1 + Math.floor(random.uniform() * (K - 1))) % K;
    const confidence = 1 / K + (1 - 1 / K) * Math.sqrt(random.uniform());
    const others = (1 - confidence) / (K - 1);
    return {
      row,
      label: labels[truth]!,
      predicted: labels[said]!,
      probabilities: Object.fromEntries(
        labels.map((label, k) => [label, k === said ? confidence : others]),
      ),
      tokens: 10 + ((row * 37) % 90),
      ...(said === truth ? {} : text(row)),
    };
  });
}

/** Writes what `report` reads. @param rows of the set that was scored, by results.json */
export function writeRun(
  folder: string,
  run: TrainResults,
  predicted: readonly Prediction[],
  rows = predicted.length,
): void {
  const sizes = { ...run.sizes, [run.test === null ? "validation" : "test"]: rows };
  writeFileSync(join(folder, "results.json"), JSON.stringify({ ...run, sizes }));
  const lines = predicted.map((prediction) => `${JSON.stringify(prediction)}\n`);
  writeFileSync(join(folder, "predictions.jsonl"), lines.join(""));
}
