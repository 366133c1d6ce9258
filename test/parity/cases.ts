// The golden files of test/parity/models.py, and what our model computes for their cases.

import { readFileSync } from "node:fs";
import { crossEntropy, elementCount, type Gpu } from "../../engine/index.ts";
import { AlbertForSequenceClassification, parseConfig } from "../../model/index.ts";
import { logitsOf } from "../../train/step.ts";
import { hashedBatch, hashedValues } from "../support/hashed.ts";
import {
  type GradientSummary,
  norm,
  relativeError,
  summaryDistance,
  wholeDistance,
} from "./distance.ts";

/** A model with hashed weights, a batch, and what PyTorch makes of them. */
export interface ModelCase {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly T: number;
  readonly lengths: readonly number[];
  readonly seed: number;
  /** Standard deviation of the weights. */
  readonly std: number;
  /** Which list of parameter names holds. */
  readonly structure: string;
  /** [B K]. */
  readonly logits: readonly number[];
  readonly loss: number;
  /** How far torch's float32 is from its float64. */
  readonly float32Error: { readonly logits: number; readonly gradient: number };
  /** In the order of the names; absent where whole gradients stand in files of their own. */
  readonly gradients?: readonly GradientSummary[];
}

export interface ModelGolden {
  readonly madeBy: string;
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly cases: readonly ModelCase[];
}

/** Reads a golden file, by default one of test/parity/golden. */
export function readGolden(file: string | URL): unknown {
  const url = typeof file === "string" ? new URL(`golden/${file}`, import.meta.url) : file;
  return JSON.parse(readFileSync(url, "utf8"));
}

/** A model of a golden config with hashed weights. The caller destroys it. */
export function hashedModel(
  gpu: Gpu,
  fields: Readonly<Record<string, unknown>>,
  weights: { seed: number; std: number },
): AlbertForSequenceClassification {
  const config = parseConfig({ model_type: "albert", ...fields }, "parity");
  const model = new AlbertForSequenceClassification(gpu, config);
  for (const { name, shape } of model.parameters.parts) {
    model.parameters.set(name, shape, hashedValues(name, elementCount(shape), weights));
  }
  return model;
}

/** What one forward and backward pass gives. */
export interface Computed {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Runs a case on the GPU: forward alone for the logits, then forward and backward. */
export async function compute(gpu: Gpu, golden: ModelCase): Promise<Computed> {
  const model = hashedModel(gpu, golden.config, golden);
  try {
    const batch = hashedBatch(model.config, golden);
    const logits = await gpu.settle(logitsOf(gpu, model, batch));
    const [loss, flat] = await gpu.settle(
      Promise.all(
        gpu.step(`parity ${golden.name}`, () => {
          const forward = () => crossEntropy(gpu, model.forward(batch), batch.labels);
          const mean = gpu.readLater(gpu.tape.gradients(forward));
          return [mean, gpu.readLater(model.parameters.gradients)] as const;
        }),
      ),
    );
    const gradients = new Map<string, Float32Array>();
    for (const [name, { data }] of model.parameters.split(flat)) gradients.set(name, data);
    return { logits, loss: loss[0]!, gradients };
  } finally {
    model.destroy();
  }
}

/** How far a case's results are from the golden ones, at worst. */
export interface CaseErrors {
  readonly logits: number;
  readonly loss: number;
  readonly relative: number;
  readonly cosine: number;
  readonly normError: number;
  /** The parameter with the largest relative error. */
  readonly worst: string;
  /** Largest norm, over the norm of all gradients, of those that are 0 but for rounding. */
  readonly rounding: number;
}

/** What errors must stay below, and the cosine above. */
export const BOUNDS = { logits: 1e-5, loss: 1e-5, cosine: 0.99999, rounding: 1e-6 };

/** The largest relative error a gradient may have: near relu's corners float32 itself has one that no sum order avoids. */
export function gradientBound({ float32Error }: ModelCase): number {
  return 1e-5 + 10 * float32Error.gradient;
}

/** A gradient this much smaller than all of them together is rounding: 0 in exact arithmetic, as a key's bias always is. */
const ROUNDING = 1e-6;

/**
 * Compares results with a golden case. Gradients that PyTorch only rounds away from 0 have no direction: of those the size
 * counts. `whole` gives PyTorch's gradients in full where the case has no summaries.
 */
export function errorsOf(
  golden: ModelCase,
  names: readonly string[],
  { logits, loss, gradients }: Computed,
  whole?: ReadonlyMap<string, Float32Array>,
): CaseErrors {
  const summaries = names.map((name, i): GradientSummary => {
    const values = whole?.get(name);
    return values ? { norm: norm(values) } : golden.gradients![i]!;
  });
  const total = norm(summaries.map((summary) => summary.norm));
  let [relative, cosine, normError, rounding, worst] = [0, 1, 0, 0, "none"];
  for (const [i, name] of names.entries()) {
    const gradient = gradients.get(name)!;
    const summary = summaries[i]!;
    if (summary.norm <= ROUNDING * total) {
      rounding = Math.max(rounding, norm(gradient) / total);
      continue;
    }
    const full = whole?.get(name);
    const found = full
      ? wholeDistance(gradient, full)
      : summaryDistance(name, golden.seed, gradient, summary);
    if (!(found.relative <= relative)) [relative, worst] = [found.relative, name];
    cosine = Math.min(cosine, found.cosine);
    normError = Math.max(normError, found.normError);
  }
  return {
    logits: relativeError(logits, golden.logits),
    loss: Math.abs(loss / golden.loss - 1),
    relative,
    cosine,
    normError,
    worst,
    rounding,
  };
}
