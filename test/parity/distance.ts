// How far numbers are from their golden ones.

import { hashedUniform, UNIT } from "../support/hashed.ts";

type Values = ArrayLike<number>;

/** Euclidean norm, in f64. */
export function norm(values: Values): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

/** Largest difference over the largest golden value. */
export function relativeError(values: Values, golden: Values): number {
  if (values.length !== golden.length) return Infinity;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < golden.length; i++) {
    // Written so that NaN is the worst of all.
    const error = Math.abs(values[i]! - golden[i]!);
    if (!(error <= worst)) worst = error;
    largest = Math.max(largest, Math.abs(golden[i]!));
  }
  return worst / largest;
}

/** Float32 values from base64, as the Python side packs them. */
export function unpacked(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return new Float32Array(bytes.buffer);
}

/** What a golden file holds of one gradient: its norm, and either all values or random projections. */
export interface GradientSummary {
  readonly norm: number;
  readonly values?: string;
  readonly projections?: readonly number[];
}

/** How far a gradient is from the golden one. */
export interface GradientDistance {
  /** |g - golden| / |golden|. */
  readonly relative: number;
  readonly cosine: number;
  /** |g| / |golden| - 1, without its sign. */
  readonly normError: number;
}

/** The distance of two gradients of which only norms and the norm of their difference are known. */
function distance(mine: number, golden: number, difference: number): GradientDistance {
  return {
    relative: difference / golden,
    cosine: (mine ** 2 + golden ** 2 - difference ** 2) / (2 * mine * golden),
    normError: Math.abs(mine / golden - 1),
  };
}

/** The distance of two gradients known in full. */
export function wholeDistance(gradient: Values, golden: Values): GradientDistance {
  const difference = Float64Array.from(gradient, (value, i) => value - golden[i]!);
  return distance(norm(gradient), norm(golden), norm(difference));
}

/**
 * The distance of a gradient from a summary. Where that has projections on n random directions of unit variance the
 * difference's norm is estimated by their root mean square (its own relative error is about 1 / sqrt(2 n)).
 */
export function summaryDistance(
  name: string,
  seed: number,
  gradient: Values,
  { norm: golden, values, projections = [] }: GradientSummary,
): GradientDistance {
  if (values !== undefined) return wholeDistance(gradient, unpacked(values));
  const differences = projections.map((projection, j) => {
    const u = hashedUniform(seed, `${name}#${j}`);
    let dot = 0;
    for (let i = 0; i < gradient.length; i++) dot += gradient[i]! * u(i);
    return dot * UNIT - projection;
  });
  return distance(norm(gradient), golden, norm(differences) / Math.sqrt(differences.length));
}
