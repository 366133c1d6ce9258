// Whole training and inference steps of presets, as `train` and `evaluate` make them.

import { type ApiCalls, type Gpu, Random } from "../engine/index.ts";
import {
  AlbertForSequenceClassification,
  type AlbertConfig,
  type PresetName,
  presetConfig,
} from "../model/index.ts";
import { AdamW, type LabelledBatch, logitsOf, trainStep } from "../train/index.ts";
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

/** Multiply-adds of one forward pass, times two; padding counts, attention over T keys. */
function forwardFlops(config: AlbertConfig, B: number, T: number): number {
  const { hidden_size: H, intermediate_size: F, embedding_size: E, num_hidden_layers: L } = config;
  return 2 * B * T * (E * H + L * (4 * H * H + 2 * H * F + 2 * T * H));
}

function randomBatch(config: AlbertConfig, B: number, T: number): LabelledBatch {
  const random = new Random(5);
  return {
    B,
    first: Uint32Array.from({ length: B }, (_, b) => b * T),
    ids: Uint32Array.from({ length: B * T }, () => 5 + random.int(config.vocab_size - 5)),
    lengths: new Uint32Array(B).fill(T),
    labels: Uint32Array.from({ length: B }, () => random.int(2)),
  };
}

/** Times steps of `preset`, each waited for; the first two are not counted. */
export async function* presetRows(
  gpu: Gpu,
  preset: PresetName,
  B: number,
  T: number,
  runs: number,
  which: readonly StepRow["kind"][] = ["inference", "train"],
): AsyncGenerator<StepRow> {
  const config = presetConfig(preset, { vocabSize: 30_000, labels: ["fake", "real"] });
  const model = new AlbertForSequenceClassification(gpu, config);
  model.initialise(new Random(1));
  const optimiser = new AdamW(gpu, model.parameters, {
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
  });
  const batch = randomBatch(config, B, T);
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
    let before: ApiCalls = { ...gpu.calls };
    for (let i = 0; i < runs + 2; i++) {
      before = { ...gpu.calls };
      const start = performance.now();
      await gpu.settle<unknown>(kinds[kind]());
      if (i >= 2) times.push(performance.now() - start);
    }
    const names = Object.keys(gpu.calls) as (keyof ApiCalls)[];
    const calls = Object.fromEntries(names.map((name) => [name, gpu.calls[name] - before[name]]));
    const medianMs = median(times);
    const flops = forwardFlops(config, B, T) * (kind === "train" ? 3 : 1);
    yield {
      kind,
      shape: `${preset} [${B}, ${T}]`,
      medianMs,
      iqrMs: iqr(times),
      samplesPerSecond: (1000 * B) / medianMs,
      gflops: flops / medianMs / 1e6,
      calls: calls as unknown as ApiCalls,
    };
  }
  optimiser.destroy();
  model.destroy();
}

/** Rows of the presets that the adapter can do in reasonable time. */
export async function* stepRows(gpu: Gpu, quick: boolean): AsyncGenerator<StepRow> {
  const runs = quick ? 10 : 20;
  const { software } = gpu.info;
  yield* presetRows(gpu, "tiny", 16, 128, runs);
  yield* presetRows(gpu, "mini", 16, 128, runs);
  if (!quick) yield* presetRows(gpu, "mini", 16, 512, runs);
  if (!quick || !software)
    yield* presetRows(gpu, "base", software ? 1 : 32, 128, software ? 3 : runs);
  if (!software) yield* presetRows(gpu, "base", 32, 512, runs);
}
