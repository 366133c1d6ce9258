// A software adapter and a GPU get different kernels. Whoever has no GPU still runs a GPU's, slowly.

import { expect, it, vi } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { openDevice } from "../../engine/device.ts";
import { Gpu, Random } from "../../engine/index.ts";
import {
  AdamW,
  AlbertForSequenceClassification,
  presetConfig,
  trainStep,
} from "../../train/index.ts";

/** Loss and gradient norm of some steps of `tiny`, on an adapter that says it is a CPU, or that it is none. */
async function steps(software: boolean) {
  prepareDriver();
  const { device, info } = await openDevice();
  const gpu = new Gpu(device, { ...info, software });
  const launch = vi.spyOn(gpu, "launch");
  const model = new AlbertForSequenceClassification(
    gpu,
    presetConfig("tiny", { vocabSize: 300, labels: ["a", "b", "c"] }),
  );
  model.initialise(new Random(1));
  const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
  const optimiser = new AdamW(gpu, model.parameters, options);
  const random = new Random(2);
  const [B, T] = [5, 37]; // no multiple of any tile
  const batch = {
    B,
    first: Uint32Array.from({ length: B }, (_, b) => b * T),
    ids: Uint32Array.from({ length: B * T }, () => random.int(300)),
    lengths: Uint32Array.from({ length: B }, () => 1 + random.int(T)),
    labels: Uint32Array.from({ length: B }, () => random.int(3)),
  };
  const numbers: number[] = [];
  for (let step = 0; step < 4; step++) {
    const how = { learningRate: 1e-3, maxGradNorm: 1, dropoutSeed: [7, step] };
    const result = await gpu.settle(trainStep(gpu, model, optimiser, [batch], how));
    numbers.push(result.loss, result.gradientNorm);
  }
  gpu.close();
  return { numbers, kernels: new Set(launch.mock.calls.map(([kernel]) => kernel.name)) };
}

it("training with a GPU's kernels gives the losses and norms of a software adapter's, to f32 rounding", async () => {
  const [software, gpu] = [await steps(true), await steps(false)];
  expect(software.kernels).not.toEqual(gpu.kernels);
  for (const [i, value] of software.numbers.entries()) {
    expect(Math.abs(gpu.numbers[i]! - value) / value).toBeLessThan(1e-4);
  }
}, 180_000);
