// The device work of one optimiser step, and of one evaluation batch.

import { crossEntropy, DataError, type Gpu, roundedBytes } from "../engine/index.ts";
import type { AlbertForSequenceClassification, DropoutSeed, TokenBatch } from "../model/index.ts";
import type { LabelledBatch } from "./labelled-batch.ts";
import type { AdamW } from "./optimiser.ts";

/** What one optimiser step did. */
export interface StepResult {
  /** Mean over the step's micro-batches. */
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** False when the gradient held NaN or infinity: the update was left out. */
  readonly finite: boolean;
  /** What the loss was multiplied by; 1 but in f16. */
  readonly lossScale: number;
}

/** Batches of about as many rows share buffers: a plan whose buffers are too small grows and is kept. */
export const shapeOf = ({ B, ids }: TokenBatch): string => `${B}x${roundedBytes(ids.byteLength)}`;

/**
 * Encodes and submits forward, backward and update of one optimiser step: a `gpu.step` per micro-batch, the update in the
 * last. The result resolves when the device is done; nothing waits for it here. Rejects with DataError without micro-batches.
 */
export async function trainStep(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  optimiser: AdamW,
  microBatches: readonly LabelledBatch[],
  options: { learningRate: number; maxGradNorm: number; dropoutSeed: DropoutSeed },
): Promise<StepResult> {
  if (microBatches.length === 0) throw new DataError("trainStep: needs a micro-batch; got none.");
  const losses: Promise<Float32Array>[] = [];
  let state: Promise<Float32Array> | undefined;
  microBatches.forEach((batch, i) => {
    const last = i === microBatches.length - 1;
    gpu.step(`train ${shapeOf(batch)} ${last}`, () => {
      const forward = () =>
        crossEntropy(gpu, model.forward(batch, [...options.dropoutSeed, i]), batch.labels);
      losses.push(
        gpu.readLater(gpu.tape.gradients(forward, 1 / microBatches.length, optimiser.lossScale)),
      );
      if (last) state = gpu.readLater(optimiser.update(options.learningRate, options.maxGradNorm));
    });
  });
  const values = await Promise.all(losses);
  const [gradientNorm = NaN, , finite, lossScale = 1] = (await state) ?? [];
  const loss = values.reduce((sum, [value = NaN]) => sum + value, 0) / values.length;
  return { loss, gradientNorm, finite: finite === 1 && Number.isFinite(loss), lossScale };
}

/** Submits one forward pass without dropout. Resolves to logits [B, K]; rejects with what `forward` throws. */
export async function logitsOf(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  batch: TokenBatch,
): Promise<Float32Array> {
  return gpu.step(`evaluate ${shapeOf(batch)}`, () => gpu.readLater(model.forward(batch)));
}
