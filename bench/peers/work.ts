// What every peer is given to do, and how it is waited for. Plain data: no library's types, so that each can follow it.

import { mix } from "../../engine/index.ts";

/** C = A B, A Bᵀ or Aᵀ B, with C [M, N]. */
export interface MatmulShape {
  readonly layout: "NN" | "NT" | "TN";
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** ALBERT-base at 512 tokens: a projection, the first half of the feed-forward, a projection's weight gradient. */
export const MATMULS: readonly MatmulShape[] = [
  { layout: "NN", M: 512, N: 768, K: 768 },
  { layout: "NT", M: 512, N: 3072, K: 768 },
  { layout: "TN", M: 768, N: 768, K: 512 },
];

export interface LayerSizes {
  /** Tokens of the one sequence. */
  readonly T: number;
  readonly H: number;
  readonly F: number;
  readonly heads: number;
}

/** One layer of ALBERT-base over one sequence. */
export const LAYERS: readonly LayerSizes[] = [128, 512].map((T) => {
  return { T, H: 768, F: 3072, heads: 12 };
});

/** What a library has to do for a row. */
export interface Task {
  /** Does the work once; resolves to one value read back after all of it: a product's first, a step's loss. */
  run(): Promise<number>;
  /** All of a product's values, [M, N]. */
  result?(): Promise<Float32Array>;
}

/** A library in this comparison. */
export interface Peer {
  readonly name: string;
  readonly adapter: string;
  /** Whether its calls of the WebGPU API go through this process's binding. */
  readonly countable: boolean;
  matmul(shape: MatmulShape, a: Float32Array, b: Float32Array): Promise<Task>;
  /** A step of training of one layer, or why there is none. */
  layer(sizes: LayerSizes, weights: LayerWeights, input: Float32Array): Promise<Task | string>;
}

export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** By name, "query.weight" [O, I] as torch.nn.Linear has it, "attentionNorm.gamma" [H]. */
export type LayerWeights = ReadonlyMap<string, Weight>;

/** AdamW's settings in every layer row; weight decay is for matrices only. */
export const ADAMW = { lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 } as const;
/** The norm that all gradients together are clipped to, as torch.nn.utils.clip_grad_norm_ does: Trainer's default. */
export const MAX_GRAD_NORM = 1;
export const LAYER_NORM_EPS = 1e-12;

/** Values in [-scale, scale) that every process makes alike. */
export function values(seed: number, size: number, scale = 0.5): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (mix(seed, i) / 2 ** 31 - 1) * scale);
}

/** Sizes [O, I] of a layer's linear maps, by name. */
function linearSizes({ H, F }: LayerSizes): Record<string, readonly [number, number]> {
  return {
    query: [H, H],
    key: [H, H],
    value: [H, H],
    dense: [H, H],
    ffn: [F, H],
    ffnOutput: [H, F],
  };
}

/** Weights of one layer, near what training leaves: matrices about 0.03, scales about 1. */
export function layerWeights(sizes: LayerSizes): LayerWeights {
  const weights = new Map<string, Weight>();
  let seed = 20;
  for (const [name, [O, I]] of Object.entries(linearSizes(sizes))) {
    weights.set(`${name}.weight`, { shape: [O, I], values: values(seed++, O * I, 0.05) });
    weights.set(`${name}.bias`, { shape: [O], values: values(seed++, O, 0.05) });
  }
  const shape = [sizes.H];
  for (const name of ["attentionNorm", "fullNorm"]) {
    const gamma = values(seed++, sizes.H, 0.2).map((value) => 1 + value);
    weights.set(`${name}.gamma`, { shape, values: gamma });
    weights.set(`${name}.beta`, { shape, values: values(seed++, sizes.H, 0.2) });
  }
  return weights;
}

/** The layer's input, [T, H]. */
export const layerInput = ({ T, H }: LayerSizes): Float32Array => values(19, T * H, 1);

/** The class of each row of the layer's output, of H: any will do, as long as gradients reach every weight. */
export const layerLabels = ({ T, H }: LayerSizes): Uint32Array =>
  Uint32Array.from({ length: T }, (_, t) => (7 * t) % H);

/** An [O, I] matrix as [I, O]. */
export function transposed({ shape, values }: Weight): Weight {
  const [O, I] = [shape[0]!, shape[1]!];
  const turned = new Float32Array(values.length);
  for (let o = 0; o < O; o++) for (let i = 0; i < I; i++) turned[i * O + o] = values[o * I + i]!;
  return { shape: [I, O], values: turned };
}

/** Forward, and twice as much backward, in multiply-adds times two. */
export function layerFlops({ T, H, F }: LayerSizes): number {
  return 3 * 2 * T * (4 * H * H + 2 * H * F + 2 * T * H);
}
