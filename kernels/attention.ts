import { backwardDivision, forwardDivision } from "./attention-division.ts";
import { backward, elements, forward } from "./attention-source.ts";
import { defineKernel, type Kernel, madeOnce } from "./kernel.ts";

/** `A` heads; `span` at least the longest sequence. */
export const ATTENTION_PARAMS = {
  A: "u32",
  scale: "f32",
  span: "u32",
  key0: "u32",
  key1: "u32",
  threshold: "u32",
  keep_scale: "f32",
} as const;

/** `N` = rows times heads, used by backwardDelta alone. */
const PARAMS = { ...ATTENTION_PARAMS, N: "u32" } as const;

const ENTRIES = {
  forward: ["rows", "qkv", "y_out", "lse_out"],
  backwardDelta: ["y", "dy", "delta_out"],
  backwardQuery: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
  backwardKeyValue: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
} as const;

export type Attention = Kernel<typeof PARAMS, typeof ENTRIES>;

const DELTA_LANES = 64;

/**
 * What a workgroup owns: queries in forward, queries or keys in backward, rows times heads in backwardDelta; and the bytes of
 * workgroup memory it takes.
 */
export const attentionTiles = (headSize: number) => ({
  forward: 4 * forwardDivision(headSize).teams,
  backward: 4 * backwardDivision(headSize).teams,
  delta: DELTA_LANES,
  bytes: Math.max(forwardDivision(headSize).bytes, backwardDivision(headSize).bytes),
});

const once = madeOnce<Attention>();

/** The kernel for heads of `headSize`. */
export function attention(headSize: number): Attention {
  const name = `attention-${headSize}`;
  return once(name, () =>
    defineKernel(name, {
      files: [
        "./shared/index.wgsl",
        "./shared/scalar.wgsl",
        "./shared/random.wgsl",
        "./shared/keep.wgsl",
        "./attention.wgsl",
      ],
      generated: elements(headSize) + forward(headSize) + backward(headSize),
      params: PARAMS,
      constants: { DELTA_LANES, DROPOUT: false },
      entries: ENTRIES,
    }),
  );
}
