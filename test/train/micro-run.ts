// A model, data and arguments so small that a training step takes milliseconds.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Gpu, Random } from "../../engine/index.ts";
import { AlbertForSequenceClassification, parseConfig, Tokenizer } from "../../model/index.ts";
import { DEFAULT_ARGUMENTS, type TrainingArguments } from "../../train/arguments.ts";
import type { LabelledSet } from "../../train/evaluate.ts";
import { TokenizedSet } from "../../train/tokenize.ts";
import { Trainer } from "../../train/trainer.ts";
import type { TrainingRun } from "../../train/training-run.ts";

const SPIECE = fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url));

/** A model of one layer, newly initialised from `seed`. */
export function microModel(
  gpu: Gpu,
  seed = 1,
  { K = 2, dropout = 0.1 } = {},
): AlbertForSequenceClassification {
  const labels = Array.from({ length: K }, (_, k) => [k, `class ${k}`] as const);
  const config = parseConfig(
    {
      model_type: "albert",
      vocab_size: 128,
      embedding_size: 8,
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 64,
      hidden_dropout_prob: dropout,
      attention_probs_dropout_prob: dropout,
      classifier_dropout_prob: dropout,
      id2label: Object.fromEntries(labels),
      label2id: Object.fromEntries(labels.map(([id, name]) => [name, id])),
    },
    "micro",
  );
  const model = new AlbertForSequenceClassification(gpu, config);
  model.initialise(new Random(seed));
  return model;
}

/**
 * Texts of 4 to 30 tokens. Those of class 0 draw their tokens from one half of the vocabulary, those of class 1 from the
 * other, but for a share `noise` of wrong labels.
 */
export function microSet(count: number, seed: number, noise = 0): LabelledSet {
  const random = new Random(seed);
  const labels = Uint32Array.from({ length: count }, (_, i) => i % 2);
  const rows = Array.from(labels, (label) => {
    const length = 4 + Math.floor(random.uniform() * 27);
    const middle = Array.from(
      { length: length - 2 },
      () => 5 + label * 60 + Math.floor(random.uniform() * 60),
    );
    return [2, ...middle, 3];
  });
  const lengths = Uint16Array.from(rows, (row) => row.length);
  const noisy = labels.map((label) => (random.uniform() < noise ? 1 - label : label));
  return { tokens: new TokenizedSet(Uint16Array.from(rows.flat()), lengths), labels: noisy };
}

export const MICRO_ARGUMENTS: TrainingArguments = {
  ...DEFAULT_ARGUMENTS,
  epochs: 3,
  batchSize: 8,
  learningRate: 5e-3,
  warmupSteps: 2,
  maxLength: 32,
  loggingSteps: 4,
  earlyStoppingPatience: 0,
};

/** A folder for checkpoints, and a run into it on a fresh model. dispose() frees both. */
export async function microRun(
  gpu: Gpu,
  args: Partial<TrainingArguments> = {},
  change: Partial<TrainingRun> = {},
): Promise<{ run: TrainingRun; dispose: () => void }> {
  const output = mkdtempSync(join(tmpdir(), "albert-gpu-run-"));
  const run: TrainingRun = {
    gpu,
    model: microModel(gpu),
    tokenizer: await Tokenizer.load(SPIECE),
    train: microSet(40, 1),
    validation: microSet(20, 2, 0.2),
    args: { ...MICRO_ARGUMENTS, ...args },
    output,
    ...change,
  };
  const dispose = (): void => {
    run.model.destroy();
    rmSync(output, { recursive: true, force: true });
  };
  return { run, dispose };
}

/** All parameters of a model, as bytes to compare. */
export async function weightsOf(gpu: Gpu, model: AlbertForSequenceClassification): Promise<Buffer> {
  const values = await gpu.read(model.parameters.values);
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** Trains to the end; returns the final weights and the state. */
export async function trainMicro(
  gpu: Gpu,
  args: Partial<TrainingArguments> = {},
  change: Partial<TrainingRun> = {},
) {
  const { run, dispose } = await microRun(gpu, args, change);
  const trainer = new Trainer(run);
  try {
    const outcome = await trainer.train();
    return { ...outcome, weights: await weightsOf(gpu, run.model) };
  } finally {
    trainer.destroy();
    dispose();
  }
}
