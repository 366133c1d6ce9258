import { backwardDivision, forwardDivision, type OwnedNumbers } from "./attention-division.ts";
import { backward, elements, forward } from "./attention-source.ts";
import { defineKernel, type ElementType, type Kernel, madeOnce } from "./kernel.ts";

/** `A` heads; `span` at least the longest sequence. */
const OWNING_PARAMS = {
  A: "u32",
  scale: "f32",
  span: "u32",
  key0: "u32",
  key1: "u32",
  threshold: "u32",
  keep_scale: "f32",
} as const;

/** `N` = rows times heads, used by backwardDelta alone. */
const PARAMS = { ...OWNING_PARAMS, N: "u32" } as const;

/** Those whose threads own rows: what the files beside this one write in another way. */
const OWNING_ENTRIES = {
  forward: ["rows", "qkv", "y_out", "lse_out"],
  backwardQuery: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
  backwardKeyValue: ["rows", "qkv", "dy", "lse", "delta", "dqkv"],
} as const;

export type OwningAttention = Kernel<typeof OWNING_PARAMS, typeof OWNING_ENTRIES>;

/** One way to compute attention. */
export interface AttentionVariant {
  readonly kernel: OwningAttention;
  /** Rows that a workgroup owns: queries in forward and backwardQuery, keys in backwardKeyValue. */
  readonly owned: Readonly<Record<keyof typeof OWNING_ENTRIES, number>>;
  /** Element type of the operands of its products; backwardDelta has to go by it. */
  readonly operands: ElementType;
}

const ENTRIES = { ...OWNING_ENTRIES, backwardDelta: ["y", "dy", "delta_out"] } as const;

export type Attention = Kernel<typeof PARAMS, typeof ENTRIES>;

/** Rows times heads that a workgroup of backwardDelta owns. */
export const ATTENTION_DELTA_LANES = 64;

/** What a workgroup owns, and the bytes of its memory. */
export function attentionTiles(headSize: number, numbers: OwnedNumbers) {
  const forward = forwardDivision(headSize, numbers);
  const backward = backwardDivision(headSize, numbers);
  const others = 4 * backward.teams;
  const owned = { forward: 4 * forward.teams, backwardQuery: others, backwardKeyValue: others };
  return { owned, bytes: Math.max(forward.bytes, backward.bytes) };
}

const once = madeOnce<Attention>();

/** The kernel for heads of `headSize`, whose threads keep at most that many numbers of rows. */
export function attention(headSize: number, numbers: OwnedNumbers = 128): Attention {
  const name = `attention-${headSize}-${numbers}`;
  return once(name, () =>
    defineKernel(name, {
      files: [
        "./shared/index.wgsl",
        "./shared/scalar.wgsl",
        "./shared/random.wgsl",
        "./shared/keep.wgsl",
        "./attention.wgsl",
      ],
      generated: elements(headSize) + forward(headSize, numbers) + backward(headSize, numbers),
      params: PARAMS,
      constants: { DELTA_LANES: ATTENTION_DELTA_LANES, DROPOUT: false, HALF: false },
      entries: ENTRIES,
      lanes: "fewest",
    }),
  );
}

const onQuads = madeOnce<OwningAttention>();

/** A kernel for heads that are whole vec4s, on the bindings of shared/attention-quads.wgsl; `text` writes its entries. */
export function attentionOnQuads(
  name: string,
  headSize: number,
  needs: { readonly enables: readonly string[]; readonly lanes: number },
  text: () => string,
): OwningAttention {
  return onQuads(name, () =>
    defineKernel(name, {
      files: [
        "./shared/scalar.wgsl",
        "./shared/random.wgsl",
        "./shared/keep.wgsl",
        "./shared/attention-quads.wgsl",
      ],
      generated: `const D4 = ${headSize / 4}u;\n${text()}`,
      params: OWNING_PARAMS,
      constants: { DROPOUT: false },
      entries: OWNING_ENTRIES,
      ...needs,
    }),
  );
}
