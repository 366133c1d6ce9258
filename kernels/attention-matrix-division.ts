// How attention-matrix divides heads among subgroups, within an adapter's registers and workgroup memory.
import type { MatrixShape } from "./matmul-matrix-tile.ts";

/** Rows of the other side between two barriers. */
export const BLOCK = 32;
export const QUADS = BLOCK / 4;

/** vec4s from one row to the next in workgroup memory: more than it has, so that they fall into different banks. */
export const WEIGHTS_STRIDE = QUADS + 2; // of f16
export const PATCH_STRIDE = QUADS + 1; // of f32
export const tileStride = (D: number): number => D / 4 + 2; // of f16

/** What an entry keeps: operands and sums of its own rows in registers; patches, weights and f32 numbers by row in memory. */
export const KEEPS = {
  forward: { operands: 1, sums: 1, patches: 1, weights: 1, numbers: 3 },
  backwardQuery: { operands: 2, sums: 1, patches: 2, weights: 1, numbers: 2 },
  backwardKeyValue: { operands: 2, sums: 2, patches: 2, weights: 2, numbers: 0 },
} as const;

export type Entry = keyof typeof KEEPS;

/** What an adapter allows a workgroup. */
export interface WorkgroupLimits {
  readonly bytes: number;
  readonly threads: number;
}

/** And a lane. */
export interface MatrixLimits extends WorkgroupLimits {
  /** Values of matrices that its registers hold beside everything else, f16 ones counted half. */
  readonly values: number;
}

/** How an entry's workgroup is divided. */
export interface MatrixDivision {
  /** Rows of each subgroup; a multiple of the matrices' M. */
  readonly own: number;
  readonly subgroups: number;
}

/** Of rows a single matrix high, so many times the values: that some lie in memory costs less than to have no tensor cores. */
const MOST_IN_MEMORY = 2;

/** For heads of D and subgroups of `lanes`: as many rows as fit, of as few subgroups; undefined where none do. */
export function matrixDivision(
  entry: Entry,
  D: number,
  { M, N }: MatrixShape,
  lanes: number,
  limits: MatrixLimits,
): MatrixDivision | undefined {
  const { operands, sums, patches, weights, numbers } = KEEPS[entry];
  const others = BLOCK * (2 * 8 * tileStride(D) + 2 * 4); // two tiles, and two numbers of each row
  const perRow = patches * 16 * PATCH_STRIDE + weights * 8 * WEIGHTS_STRIDE + numbers * 4;
  let best: MatrixDivision | undefined;
  for (let own = Math.max(M, lanes); own >= M; own /= 2) {
    const values = (own * (D * (operands / 2 + sums) + N)) / lanes;
    if (own % M !== 0 || values > limits.values * (own > M ? 1 : MOST_IN_MEMORY)) continue;
    const subgroups = [4, 2, 1].find(
      (count) => others + count * own * perRow <= limits.bytes && count * lanes <= limits.threads,
    );
    if (subgroups && own * subgroups > (best ? best.own * best.subgroups : 0)) {
      best = { own, subgroups };
    }
  }
  return best;
}
