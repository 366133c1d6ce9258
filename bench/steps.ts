// Whole training and inference steps of presets, as `train` and `evaluate` make them.

import { type ApiCalls, type Gpu, Random } from "../engine/index.ts";
import {
  AlbertForSequenceClassification,
  type AlbertConfig,
  type PresetName,
  presetConfig,
} from "../model/index.ts";
import {
  AdamW,
  collate,
  DEFAULT_ARGUMENTS,
  InFlight,
  type LabelledBatch,
  logitsOf,
  trainStep,
} from "../train/index.ts";
import { iqr, median } from "./statistics.ts";

export interface StepRow {
  readonly kind: "train" | "inference";
  readonly shape: string;
  readonly medianMs: number;
  readonly iqrMs: number;
  readonly samplesPerSecond: number;
  readonly gflops: number;
  /** Calls of one step once the shape is known. */
  readonly calls: ApiCalls;
}

/** Multiply-adds of one forward pass over texts of these lengths, times two; attention over real keys. */
function forwardFlops(config: AlbertConfig, rows: number, lengths: readonly number[]): number {
  const { hidden_size: H, intermediate_size: F, embedding_size: E, num_hidden_layers: L } = config;
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  return 2 * (rows * (E * H + L * (4 * H * H + 2 * H * F)) + L * 2 * pairs * H);
}

/** A batch to time: lengths of its texts, and what they are padded to, if anything. */
interface Batch {
  readonly shape: string;
  readonly lengths: readonly number[];
  readonly padTo?: number;
}

export const evenly = (B: number, T: number): Batch => ({
  shape: `[${B}, ${T}]`,
  lengths: Array.from({ length: B }, () => T),
});

/** 16 texts as ISOT has them: quantiles of its articles' lengths in ALBERT's tokens, cut at 512. */
const ISOT = [83, 123, 172, 251, 321, 376, 422, 465, 502, 512, 512, 512, 512, 512, 512, 512];

function randomBatch(config: AlbertConfig, { lengths, padTo }: Batch): LabelledBatch {
  const random = new Random(5);
  const rows = lengths.map((length) =>
    Uint32Array.from({ length }, () => 5 + random.int(config.vocab_size - 5)),
  );
  const batch = collate(rows, { maxLength: 512, padId: config.pad_token_id, padTo });
  return { ...batch, labels: Uint32Array.from(lengths, () => random.int(2)) };
}

/** Times steps of `preset`, each from the end of the one before, with one in flight as in training; two are not counted. */
export async function* presetRows(
  gpu: Gpu,
  preset: PresetName,
  how: Batch,
  runs: number,
  which: readonly StepRow["kind"][] = ["inference", "train"],
): AsyncGenerator<StepRow> {
  const config = presetConfig(preset, { vocabSize: 30_000, labels: ["fake", "real"] });
  const model = new AlbertForSequenceClassification(gpu, config);
  model.initialise(new Random(1));
  const optimiser = new AdamW(gpu, model.parameters, DEFAULT_ARGUMENTS);
  const batch = randomBatch(config, how);
  let step = 0;
  const kinds = {
    train: () =>
      trainStep(gpu, model, optimiser, [batch], {
        learningRate: 1e-5,
        maxGradNorm: 1,
        dropoutSeed: [1, step++],
      }),
    inference: () => logitsOf(gpu, model, batch),
  };
  for (const kind of which) {
    const times: number[] = [];
    const inFlight = new InFlight<unknown>(gpu);
    let before: ApiCalls = { ...gpu.calls };
    let since = performance.now();
    for (let i = 0; times.length < runs; i++) {
      before = { ...gpu.calls };
      await inFlight.push(kinds[kind]()); // the first of them returns at once
      const now = performance.now();
      if (i > 2) times.push(now - since);
      since = now;
    }
    await inFlight.drain();
    const names = Object.keys(gpu.calls) as (keyof ApiCalls)[];
    const calls = Object.fromEntries(names.map((name) => [name, gpu.calls[name] - before[name]]));
    const medianMs = median(times);
    const flops = forwardFlops(config, batch.ids.length, how.lengths) * (kind === "train" ? 3 : 1);
    yield {
      kind,
      shape: `${preset} ${how.shape}`,
      medianMs,
      iqrMs: iqr(times),
      samplesPerSecond: (1000 * batch.B) / medianMs,
      gflops: flops / medianMs / 1e6,
      calls: calls as unknown as ApiCalls,
    };
  }
  optimiser.destroy();
  model.destroy();
}

/** Tokens of the batches of `base` on a GPU, to tune for. */
export const STEP_TOKENS = [32 * 128, 32 * 512] as const;

/** Rows of the presets that the adapter can do in reasonable time. */
export async function* stepRows(gpu: Gpu, quick: boolean): AsyncGenerator<StepRow> {
  const runs = quick ? 10 : 20;
  const { software } = gpu.info;
  const isot = { shape: "16 x ISOT packed", lengths: ISOT };
  const padded = { shape: "16 x ISOT padded", lengths: ISOT, padTo: 512 };
  yield* presetRows(gpu, "tiny", evenly(16, 128), runs);
  yield* presetRows(gpu, "mini", evenly(16, 128), runs);
  for (const batch of [isot, padded]) yield* presetRows(gpu, "mini", batch, runs);
  if (!quick) yield* presetRows(gpu, "mini", evenly(16, 512), runs);
  if (!quick || !software)
    yield* presetRows(gpu, "base", evenly(software ? 1 : 32, 128), software ? 3 : runs);
  if (software) return;
  yield* presetRows(gpu, "base", evenly(32, 512), runs);
  for (const batch of [isot, padded]) yield* presetRows(gpu, "base", batch, runs);
}
