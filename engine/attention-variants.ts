// The kernels that can compute attention, and which of them an adapter runs.

import { attention, type AttentionVariant, attentionTiles } from "../kernels/attention.ts";
import { attentionBroadcast, canBroadcast } from "../kernels/attention-broadcast.ts";
import type { OwnedNumbers } from "../kernels/attention-division.ts";
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

/** 32-bit values that a thread of an adapter keeps in registers; what does not fit them goes to memory. */
interface Held {
  /** Of the rows of attention on the common cores, beside the loop's own. */
  readonly numbers: OwnedNumbers;
  /** Of a lane's matrices. */
  readonly values: number;
}

/** AMD's RDNA 3 holds an f16 operand twice, in each half of its lanes. */
const HELD: Readonly<Record<string, Held>> = {
  nvidia: { numbers: 128, values: 128 },
  amd: { numbers: 128, values: 96 },
};

/** Intel's and Apple's threads have 64 to 128 registers, where NVIDIA's and AMD's have 255 or 256. */
const LEAST_HELD: Held = { numbers: 64, values: 96 };

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
  const { numbers, values } = HELD[vendor] ?? LEAST_HELD;
  if (software && canBroadcast(D, subgroupSize)) return attentionBroadcast(D, subgroupSize);
  if (precision === "f16" && !software) {
    for (const shape of largestShapes(matrixShapes)) {
      const variant = attentionMatrix(D, shape, subgroupSize, { ...room, values });
      if (variant) return variant;
    }
  }
  const { bytes: needed, owned } = attentionTiles(D, numbers);
  if (needed > room.bytes) {
    throw new ShapeError(
      `attention: a head of ${D} needs ${needed} bytes of workgroup memory; ${name} has ${room.bytes}. Use more heads.`,
    );
  }
  return { kernel: attention(D, numbers), owned, operands: "f32" };
}
