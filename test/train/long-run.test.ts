// A long run must not grow: 300 steps in `npm test`, 20,000 with ALBERT_GPU_LONG_STEPS=20000 (`npm run long`).

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { Random } from "../../engine/index.ts";
import {
  AdamW,
  AlbertForSequenceClassification,
  InFlight,
  type LabelledBatch,
  parseConfig,
  type StepResult,
  trainStep,
} from "../../train/index.ts";
import { openTestGpu } from "../support/device.ts";

const STEPS = Number(process.env["ALBERT_GPU_LONG_STEPS"] ?? 300);

const gpu = await openTestGpu();

const config = parseConfig(
  {
    vocab_size: 50,
    embedding_size: 8,
    hidden_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 16,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
  },
  "micro",
);

/** Two shapes in turn. */
function batch(random: Random, step: number): LabelledBatch {
  const [B, T] = step % 2 === 0 ? [4, 8] : [3, 16];
  return {
    B,
    first: Uint32Array.from({ length: B }, (_, b) => b * T),
    ids: Uint32Array.from({ length: B * T }, () => random.int(50)),
    lengths: Uint32Array.from({ length: B }, () => 1 + random.int(T)),
    labels: Uint32Array.from({ length: B }, () => random.int(2)),
  };
}

// Without a collection first, the heap's size says when the last one was, not what is alive.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memory() {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  const { buffers, bindGroups, pipelines } = gpu.calls;
  return {
    heapUsed,
    rss,
    buffers,
    bindGroups,
    pipelines,
    bytes: gpu.poolBytes,
    live: gpu.poolBuffers,
  };
}

it(
  `${STEPS} steps make no GPU object after the first 100, and leave no memory behind`,
  async () => {
    const model = new AlbertForSequenceClassification(gpu, config);
    model.initialise(new Random(1));
    const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
    const optimiser = new AdamW(gpu, model.parameters, options);
    const random = new Random(2);
    const inFlight = new InFlight<StepResult>(gpu);
    let before = memory();
    for (let step = 0; step < STEPS; step++) {
      if (step === 100) {
        await inFlight.drain();
        before = memory();
      }
      const how = { learningRate: 1e-4, maxGradNorm: 1, dropoutSeed: [3, step] };
      const results = await inFlight.push(
        trainStep(gpu, model, optimiser, [batch(random, step)], how),
      );
      for (const result of results)
        if (!result.finite) throw new Error(`step ${step} is not finite`);
    }
    await inFlight.drain();
    const after = memory();
    const { heapUsed, rss, ...counts } = after;
    const { heapUsed: heapBefore, rss: rssBefore, ...countsBefore } = before;
    expect(counts).toEqual(countsBefore);
    const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
    console.log(
      `${STEPS} steps: heap ${megabytes(heapBefore)} -> ${megabytes(heapUsed)} MiB, RSS ${megabytes(rssBefore)} -> ${megabytes(rss)} MiB, ${gpu.info.name}`,
    );
    expect(heapUsed - heapBefore).toBeLessThan(4 * 2 ** 20);
    optimiser.destroy();
    model.destroy();
  },
  30_000 + STEPS * 100,
);
