// The model folders of test/parity/folders.py, and the logits of a folder's model for a hashed batch.

import type { Gpu } from "../../engine/index.ts";
import type { AlbertForSequenceClassification } from "../../model/index.ts";
import { logitsOf } from "../../train/step.ts";
import { hashedBatch } from "../support/hashed.ts";

/** The element types transformers writes. */
export const ELEMENT_TYPES = ["f32", "f16", "bf16"] as const;

/** What logits.json beside the folders holds. */
export interface FolderGolden {
  readonly seed: number;
  readonly std: number;
  readonly T: number;
  readonly lengths: readonly number[];
  readonly logits: Readonly<Record<(typeof ELEMENT_TYPES)[number], readonly number[]>>;
}

/** Logits of the golden batch, and frees the model. */
export async function logitsAndDestroy(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  golden: Pick<FolderGolden, "seed" | "T" | "lengths">,
): Promise<Float32Array> {
  try {
    return await gpu.settle(logitsOf(gpu, model, hashedBatch(model.config, golden)));
  } finally {
    model.destroy();
  }
}
