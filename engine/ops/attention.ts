import {
  attention as portable,
  ATTENTION_DELTA_LANES,
  type AttentionVariant,
} from "../../kernels/attention.ts";
import { grid } from "../../kernels/kernel.ts";
import { attentionVariant } from "../attention-variants.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import { expectMatrix, format } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type DropoutKey, dropoutParams } from "./dropout.ts";

/** Where the sequences of a batch lie among its rows: [B] of (first row, real rows, rows owned, 0). */
export interface SequenceRows {
  /** u32 [B, 4]. */
  readonly table: Tensor;
  readonly B: number;
  /** Most rows any sequence owns. */
  readonly longest: number;
  /** Rows owned by all together. */
  readonly total: number;
}

/**
 * Uploads the row table. Sequence b owns `owned[b]` rows from `first[b]`, of which the first `real[b]` are tokens. Throws
 * ShapeError unless the sequences together own each row once.
 */
export function sequenceRows(
  gpu: Gpu,
  first: Uint32Array,
  real: Uint32Array,
  owned: Uint32Array,
): SequenceRows {
  const B = first.length;
  if (real.length !== B || owned.length !== B) {
    throw new ShapeError(
      `sequenceRows: first, real and owned must be as long; got ${B}, ${real.length} and ${owned.length}.`,
    );
  }
  let end = 0;
  for (const b of first
    .map((_, i) => i)
    .sort((a, c) => first[a]! - first[c]! || owned[a]! - owned[c]!)) {
    if (first[b] !== end || real[b]! > owned[b]!) {
      throw new ShapeError(
        `sequenceRows: each row must have one owner, with as many real rows or fewer; got sequence ${b} of ${real[b]} real rows, which owns ${owned[b]} from ${first[b]}, where the others end at ${end}.`,
      );
    }
    end += owned[b]!;
  }
  const values = new Uint32Array(B * 4);
  for (let b = 0; b < B; b++) values.set([first[b]!, real[b]!, owned[b]!, 0], b * 4);
  return { table: gpu.upload(values, [B, 4]), B, longest: Math.max(...owned), total: end };
}

/**
 * Scaled dot-product self-attention of every sequence over its real rows: dropout(softmax(q kᵀ / √D)) v, D = H / heads.
 * qkv: [R, 3 H], the three parts side by side; returns [R, H], zeros in rows that are not real. No [T, T] matrix is held;
 * the [R, heads] log-sum-exp is kept for backward. Throws ShapeError.
 * Vaswani et al. 2017, arXiv:1706.03762; online softmax and its backward: Dao et al. 2022, arXiv:2205.14135.
 */
export function attention(
  gpu: Gpu,
  qkv: Tensor,
  rows: SequenceRows,
  heads: number,
  dropout?: { readonly p: number; readonly key: DropoutKey },
): Tensor {
  const variantOf = (D: number) => attentionVariant(gpu.info, gpu.precision, D);
  return attentionBy(variantOf, gpu, qkv, rows, heads, dropout);
}

/** As `attention`, by the kernel that `variantOf` gives for heads of D. */
export function attentionBy(
  variantOf: (D: number) => AttentionVariant,
  ...[gpu, qkv, rows, heads, dropout]: Parameters<typeof attention>
): Tensor {
  const [R, width] = expectMatrix("attention: qkv", qkv.shape);
  const D = width / 3 / heads;
  if (!Number.isInteger(D)) {
    throw new ShapeError(
      `attention: qkv must be [rows, 3 * ${heads} heads * head size]; got ${format(qkv.shape)}.`,
    );
  }
  if (rows.total !== R) {
    // A row without an owner would keep whatever its buffer held before.
    throw new ShapeError(
      `attention: the sequences must own all ${R} rows; they own ${rows.total}.`,
    );
  }
  const p = dropout?.p ?? 0;
  const { threshold, scale: keep_scale } = dropoutParams(p);
  const key = dropout?.key ?? { key0: 0, key1: 0 };
  const params = {
    A: heads,
    N: R * heads,
    scale: 1 / Math.sqrt(D),
    span: rows.longest,
    ...key,
    threshold,
    keep_scale,
  };
  const constants = { DROPOUT: p > 0 };
  const { kernel, owned, operands } = variantOf(D);
  const tilesOf = (owned: number) => [Math.ceil(rows.longest / owned), heads, rows.B] as const;
  const y = gpu.empty([R, width / 3]); // [R, H]
  const lse = gpu.empty([R, heads]);
  const table = rows.table;
  const outputs = { y_out: y, lse_out: lse };
  gpu.launch(
    kernel,
    "forward",
    { rows: table, qkv, ...outputs },
    params,
    tilesOf(owned.forward),
    constants,
  );
  // At most: as if each row met as many as the longest sequence has. Two products forward, five backward.
  const product = (2 * R * rows.longest * width) / 3;
  gpu.countFlops(2 * product);
  return gpu.tape.record(y, [qkv], [lse], (dy, scratch) => {
    const delta = scratch(gpu.like(lse));
    const perHead = grid(Math.ceil((R * heads) / ATTENTION_DELTA_LANES));
    const rounding = { HALF: operands === "f16" };
    gpu.launch(
      portable(D),
      "backwardDelta",
      { y, dy, delta_out: delta },
      params,
      perHead,
      rounding,
    );
    const dqkv = scratch(gpu.like(qkv));
    const buffers = { rows: table, qkv, dy, lse, delta, dqkv };
    gpu.launch(kernel, "backwardQuery", buffers, params, tilesOf(owned.backwardQuery), constants);
    gpu.launch(
      kernel,
      "backwardKeyValue",
      buffers,
      params,
      tilesOf(owned.backwardKeyValue),
      constants,
    );
    gpu.countFlops(5 * product);
    return [dqkv];
  });
}
