// The kernels at ALBERT-base shapes: H 768, F 3072, E 128, 12 heads of 64. Checks sample entries against f64 sums.

import {
  activation,
  attention,
  crossEntropy,
  dropout,
  embedding,
  type Gpu,
  layerNorm,
  type Layout,
  matmulInto,
  mix,
  type ProductShape,
  sequenceRows,
  Tensor,
} from "../engine/index.ts";
import { attentionBroadcast, canBroadcast } from "../kernels/attention-broadcast.ts";
import { type Case, type Cost, expectNear } from "./harness.ts";

const H = 768;
const HEADS = 12;
const D = H / HEADS;

/** Values in [-0.5, 0.5) that any place of the program can make again. */
const value = (seed: number, i: number): number => mix(seed, i) / 2 ** 32 - 0.5;

/** A tensor of such values; with `grad` it takes gradients as a parameter does. */
function filled(gpu: Gpu, seed: number, shape: number[], grad = false): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const tensor = gpu.upload(
    Float32Array.from({ length: size }, (_, i) => value(seed, i)),
    shape,
  );
  if (!grad) return tensor;
  const gradient = gpu.upload(new Float32Array(size), shape);
  return new Tensor(shape, tensor.buffer, 0, gradient);
}

const moved = (floats: number): Cost => ({ flops: 0, bytes: 4 * floats });

/** Sizes of the products of one layer, [N, K] of the forward pass. */
const PRODUCTS: readonly (readonly [N: number, K: number])[] = [
  [3 * H, H],
  [H, H],
  [4 * H, H],
  [H, 4 * H],
  [H, 128],
];

function matmulCase(gpu: Gpu, layout: Layout, M: number, N: number, K: number): Case {
  const a = filled(gpu, 1, layout === "TN" ? [K, M] : [M, K]);
  const b = filled(gpu, 2, layout === "NT" ? [N, K] : [K, N]);
  const c = gpu.upload(new Float32Array(M * N), [M, N]);
  const run = (): void => matmulInto(gpu, layout, a, b, c);
  const at = {
    a: (m: number, k: number): number => value(1, layout === "TN" ? k * M + m : m * K + k),
    b: (k: number, n: number): number => value(2, layout === "NT" ? n * K + k : k * N + n),
  };
  const { name } = gpu.matmul.choose(layout, { M, N, K }).kernel(layout);
  return {
    name: "matmul",
    shape: `${layout} ${M} x ${N} x ${K}`,
    run,
    async check() {
      run();
      const want = (i: number): number => {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += at.a(Math.floor(i / N), k) * at.b(k, i % N);
        return sum;
      };
      expectNear(`matmul ${layout}`, await gpu.read(c), want, 1e-5 * Math.sqrt(K));
    },
    costs: {
      [`${name}/product`]: {
        flops: 2 * M * N * K,
        bytes: 4 * (M * K + N * K + M * N),
        with: ["matmul-transpose/transposed", "matmul-split/total"],
      },
    },
  };
}

/** The products of a layer over a number of tokens, as the tuner wants them. */
export const productShapes = (rows: number): ProductShape[] =>
  PRODUCTS.flatMap(([N, K]) => [
    { layout: "NT", rows, sizes: [N, K] } as const,
    { layout: "NN", rows, sizes: [K, N] } as const,
    { layout: "TN", rows, sizes: [N, K] } as const,
  ]);

/** Every product of a layer, forward (NT) and for both gradients (NN, TN). */
function* matmulCases(gpu: Gpu, tokens: number): Generator<() => Case> {
  for (const [N, K] of PRODUCTS) {
    yield () => matmulCase(gpu, "NT", tokens, N, K);
    yield () => matmulCase(gpu, "NN", tokens, K, N);
    yield () => matmulCase(gpu, "TN", N, K, tokens);
  }
}

/** An op run forward and backward through the tape, its output reduced to a loss by cross-entropy over its columns. */
function opCase(
  gpu: Gpu,
  name: string,
  shape: string,
  op: () => Tensor,
  check: (y: Float32Array) => void,
  costs: Case["costs"],
): Case {
  return {
    name,
    shape,
    run() {
      gpu.step(`bench ${name} ${shape}`, () =>
        gpu.tape.gradients(() => {
          const y = op();
          return crossEntropy(gpu, y, new Uint32Array(y.shape[0]!));
        }),
      );
    },
    async check() {
      const y = gpu.step(`check ${name} ${shape}`, () => gpu.readLater(op()));
      check(await gpu.settle(y));
    },
    costs,
  };
}

function attentionCase(gpu: Gpu, tokens: number, T: number): Case {
  const B = tokens / T;
  const qkv = filled(gpu, 3, [tokens, 3 * H], true);
  const op = (): Tensor => {
    const first = Uint32Array.from({ length: B }, (_, b) => b * T);
    const lengths = new Uint32Array(B).fill(T);
    return attention(gpu, qkv, sequenceRows(gpu, first, lengths, lengths), HEADS);
  };
  const at = (row: number, part: number, column: number): number =>
    value(3, (row * 3 + part) * H + column);
  const want = (i: number): number => {
    const [row, column] = [Math.floor(i / H), i % H];
    const [start, head] = [Math.floor(row / T) * T, Math.floor(column / D) * D];
    let [sum, total] = [0, 0];
    for (let j = start; j < start + T; j++) {
      let score = 0;
      for (let d = 0; d < D; d++) score += at(row, 0, head + d) * at(j, 1, head + d);
      const p = Math.exp(score / Math.sqrt(D));
      total += p;
      sum += p * at(j, 2, column);
    }
    return sum / total;
  };
  const lanes = gpu.info.subgroupSize;
  const broadcast = gpu.info.software && canBroadcast(D, lanes);
  const kernel = broadcast ? attentionBroadcast(D, lanes).name : "attention";
  const flops = 2 * tokens * T * H; // one product of every query with every key
  return opCase(
    gpu,
    "attention",
    `[${B}, ${T}, ${HEADS} x ${D}]`,
    op,
    (y) => expectNear("attention", y, want, 1e-5),
    {
      [`${kernel}/forward`]: { flops: 2 * flops, bytes: 16 * tokens * H },
      [`${kernel}/backwardQuery`]: { flops: 3 * flops, bytes: 20 * tokens * H },
      [`${kernel}/backwardKeyValue`]: { flops: 4 * flops, bytes: 24 * tokens * H },
    },
  );
}

function layerNormCase(gpu: Gpu, R: number): Case {
  const [x, residual] = [filled(gpu, 4, [R, H], true), filled(gpu, 5, [R, H], true)];
  const [gamma, beta] = [filled(gpu, 6, [H], true), filled(gpu, 7, [H], true)];
  const want = (i: number): number => {
    const [row, column] = [Math.floor(i / H), i % H];
    const s = Array.from({ length: H }, (_, c) => value(4, row * H + c) + value(5, row * H + c));
    const mean = s.reduce((a, b) => a + b) / H;
    const variance = s.reduce((sum, v) => sum + (v - mean) ** 2, 0) / H;
    return ((s[column]! - mean) / Math.sqrt(variance)) * value(6, column) + value(7, column);
  };
  const op = (): Tensor => layerNorm(gpu, x, gamma, beta, 1e-12, residual);
  return opCase(
    gpu,
    "layer-norm",
    `[${R}, ${H}]`,
    op,
    (y) => expectNear("layer-norm", y, want, 1e-5),
    {
      "layer-norm/forwardResidual": moved(4 * R * H),
      "layer-norm/backwardInput": moved(3 * R * H),
      "layer-norm/backwardParams": moved(2 * R * H),
    },
  );
}

function activationCase(gpu: Gpu, R: number): Case {
  const x = filled(gpu, 8, [R, 4 * H], true);
  const want = (i: number): number => {
    const v = value(8, i);
    return 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  };
  const op = (): Tensor => activation(gpu, x, "gelu_new");
  return opCase(
    gpu,
    "activation",
    `[${R}, ${4 * H}]`,
    op,
    (y) => expectNear("gelu_new", y, want, 1e-6),
    {
      "activation/forward": moved(8 * R * H),
      "activation/backward": moved(16 * R * H),
    },
  );
}

function dropoutCase(gpu: Gpu, R: number): Case {
  const x = filled(gpu, 9, [R, H], true);
  const op = (): Tensor => dropout(gpu, x, 0.1, { key0: 1, key1: 2 });
  const check = (y: Float32Array): void => {
    const dropped = y.filter((v) => v === 0).length / y.length;
    if (Math.abs(dropped - 0.1) > 0.01)
      throw new Error(`dropout: a share of 0.1 must be 0; got ${dropped}.`);
    expectNear("dropout", y, (i) => (y[i] === 0 ? 0 : value(9, i) / 0.9), 1e-6);
  };
  return opCase(gpu, "dropout", `[${R}, ${H}]`, op, check, { "dropout/apply": moved(2 * R * H) });
}

function embeddingCase(gpu: Gpu, R: number): Case {
  const [V, E] = [30_000, 128];
  const table = filled(gpu, 10, [V, E], true);
  const index = Uint32Array.from({ length: R }, (_, r) => (mix(11, r) % V) * E);
  const op = (): Tensor => embedding(gpu, table, index, R, E);
  const want = (i: number): number => value(10, index[Math.floor(i / E)]! + (i % E));
  return opCase(
    gpu,
    "embedding",
    `[${R}, ${E}] of ${V}`,
    op,
    (y) => expectNear("embedding", y, want, 1e-6),
    {
      "embedding/forward": moved(2 * R * E),
      "embedding/backward": moved(2 * R * E),
    },
  );
}

/** All cases at a number of tokens, made one at a time: their tensors together would not fit every adapter. */
export function* cases(gpu: Gpu, tokens: number): Generator<{ name: string; make: () => Case }> {
  for (const make of matmulCases(gpu, tokens)) yield { name: "matmul", make };
  for (const T of [128, 512])
    yield { name: "attention", make: () => attentionCase(gpu, tokens, T) };
  yield { name: "layer-norm", make: () => layerNormCase(gpu, tokens) };
  yield { name: "activation", make: () => activationCase(gpu, tokens) };
  yield { name: "dropout", make: () => dropoutCase(gpu, tokens) };
  yield { name: "embedding", make: () => embeddingCase(gpu, tokens) };
}
