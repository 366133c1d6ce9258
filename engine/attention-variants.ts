// The kernels that can compute attention, and which of them an adapter runs.

import { attention, type AttentionVariant, attentionTiles } from "../kernels/attention.ts";
import { attentionBroadcast, canBroadcast } from "../kernels/attention-broadcast.ts";
import { attentionMatrix } from "../kernels/attention-matrix.ts";
import { largestShapes } from "../kernels/matmul-matrix-tile.ts";
import { type AdapterInfo, workgroupLimits } from "./device.ts";
import { ShapeError } from "./errors.ts";
import type { Precision } from "./matmul-variants.ts";

/** What of an adapter decides. */
type AttentionAdapter = Pick<
  AdapterInfo,
  "name" | "vendor" | "software" | "subgroupSize" | "matrixShapes" | "limits"
>;

/** Whose threads have 255 or 256 registers. Intel's and Apple's have 64 to 128, and what does not fit goes to memory. */
const MANY_REGISTERS: readonly string[] = ["nvidia", "amd"];

/** Whose lanes hold fewer values of matrices: AMD's RDNA 3 holds an f16 operand twice, in each half of its lanes. */
const FEW_VALUES: readonly string[] = ["amd", "apple", "intel"];

/**
 * For heads of D: subgroup matrices at f16 on a GPU that has them, subgroup broadcasts on a software adapter, otherwise what
 * every device runs. Throws ShapeError for heads that the adapter's workgroup memory does not hold.
 */
export function attentionVariant(
  { name, vendor, software, subgroupSize, matrixShapes, limits }: AttentionAdapter,
  precision: Precision,
  D: number,
): AttentionVariant {
  const room = workgroupLimits(limits);
  if (software && canBroadcast(D, subgroupSize)) return attentionBroadcast(D, subgroupSize);
  if (precision === "f16" && !software) {
    const held = { ...room, values: FEW_VALUES.includes(vendor) ? 96 : 128 };
    for (const shape of largestShapes(matrixShapes)) {
      const variant = attentionMatrix(D, shape, subgroupSize, held);
      if (variant) return variant;
    }
  }
  const numbers = MANY_REGISTERS.includes(vendor) ? 128 : 64;
  const { bytes: needed, owned } = attentionTiles(D, numbers);
  if (needed > room.bytes) {
    throw new ShapeError(
      `attention: a head of ${D} needs ${needed} bytes of workgroup memory; ${name} has ${room.bytes}. Use more heads.`,
    );
  }
  return { kernel: attention(D, numbers), owned, operands: "f32" };
}
