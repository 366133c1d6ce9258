// The kernels at ALBERT-base shapes: H 768, F 3072, E 128, 12 heads of 64. Checks sample entries against f64 sums.

import {
  activation,
  add,
  attention,
  crossEntropy,
  dropout,
  embedding,
  gatherRows,
  type Gpu,
  layerNorm,
  linear,
  mix,
  sequenceRows,
  type Tensor,
} from "../engine/index.ts";
import { attentionVariant } from "../engine/attention-variants.ts";
import { type Case, expectNear } from "./harness.ts";
import { updateCase } from "./update-case.ts";
import { matmulCases } from "./matmul-cases.ts";
import { filled, H, moved, opCase, roundingOf, value } from "./op-case.ts";

const HEADS = 12;
const D = H / HEADS;

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
  const { kernel } = attentionVariant(gpu.info, gpu.precision, D);
  const flops = 2 * tokens * T * H; // one product of every query with every key
  return opCase(gpu, {
    name: "attention",
    shape: `[${B}, ${T}, ${HEADS} x ${D}]`,
    inputs: [qkv],
    op,
    check: (y) => expectNear("attention", y, want, roundingOf(gpu, 1)),
    costs: {
      [`${kernel.name}/forward`]: { flops: 2 * flops, bytes: 16 * tokens * H },
      [`${kernel.name}/backwardQuery`]: { flops: 3 * flops, bytes: 20 * tokens * H },
      [`${kernel.name}/backwardKeyValue`]: { flops: 4 * flops, bytes: 24 * tokens * H },
    },
  });
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
  return opCase(gpu, {
    name: "layer-norm",
    shape: `[${R}, ${H}]`,
    inputs: [x, residual, gamma, beta],
    op,
    check: (y) => expectNear("layer-norm", y, want, 1e-5),
    costs: {
      "layer-norm/forwardResidual": moved(4 * R * H),
      "layer-norm/backwardInput": moved(3 * R * H),
      "layer-norm/backwardParams": moved(2 * R * H),
    },
  });
}

function activationCase(gpu: Gpu, R: number): Case {
  const x = filled(gpu, 8, [R, 4 * H], true);
  const want = (i: number): number => {
    const v = value(8, i);
    return 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  };
  const op = (): Tensor => activation(gpu, x, "gelu_new");
  return opCase(gpu, {
    name: "activation",
    shape: `[${R}, ${4 * H}]`,
    inputs: [x],
    op,
    check: (y) => expectNear("gelu_new", y, want, 1e-6),
    costs: {
      "activation/forward": moved(8 * R * H),
      "activation/backward": moved(16 * R * H),
    },
  });
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
  return opCase(gpu, {
    name: "dropout",
    shape: `[${R}, ${H}]`,
    inputs: [x],
    op,
    check,
    costs: { "dropout/apply": moved(2 * R * H) },
  });
}

function embeddingCase(gpu: Gpu, R: number): Case {
  const [V, E] = [30_000, 128];
  const table = filled(gpu, 10, [V, E], true);
  const index = Uint32Array.from({ length: R }, (_, r) => (mix(11, r) % V) * E);
  const op = (): Tensor => embedding(gpu, table, index, R, E);
  const want = (i: number): number => value(10, index[Math.floor(i / E)]! + (i % E));
  return opCase(gpu, {
    name: "embedding",
    shape: `[${R}, ${E}] of ${V}`,
    inputs: [table],
    op,
    check: (y) => expectNear("embedding", y, want, 1e-6),
    costs: {
      "embedding/forward": moved(2 * R * E),
      "embedding/backward": moved(2 * R * E),
    },
  });
}

function linearCase(gpu: Gpu, R: number): Case {
  const [O, I] = [4 * H, H];
  const [x, weight, bias] = [
    filled(gpu, 12, [R, I], true),
    filled(gpu, 13, [O, I], true),
    filled(gpu, 14, [O], true),
  ];
  const want = (i: number): number => {
    const [row, column] = [Math.floor(i / O), i % O];
    let sum = value(14, column);
    for (let k = 0; k < I; k++) sum += value(12, row * I + k) * value(13, column * I + k);
    return 0.5 * sum * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (sum + 0.044715 * sum ** 3)));
  };
  const sizes = { M: R, N: O, K: I };
  const { name } = gpu.matmul.choose("NT", sizes).kernel("NT");
  return opCase(gpu, {
    name: "linear",
    shape: `[${R}, ${I}] to ${O}, gelu_new`,
    inputs: [x, weight, bias],
    op: () => linear(gpu, x, weight, bias, "gelu_new"),
    check: (y) => expectNear("linear", y, want, roundingOf(gpu, I)),
    costs: {
      [`${name}/linearKeep`]: { flops: 2 * R * O * I, bytes: 4 * (R * I + O * I + 2 * R * O) },
      "column-sum/partial": moved(R * O),
    },
  });
}

function addCase(gpu: Gpu, R: number): Case {
  const [a, b] = [filled(gpu, 15, [R, H], true), filled(gpu, 16, [R, H], true)];
  return opCase(gpu, {
    name: "add",
    shape: `[${R}, ${H}]`,
    inputs: [a, b],
    op: () => add(gpu, a, b),
    check: (y) => expectNear("add", y, (i) => value(15, i) + value(16, i), 1e-6),
    costs: { "add/forward": moved(3 * R * H) },
  });
}

function gatherRowsCase(gpu: Gpu, R: number): Case {
  const x = filled(gpu, 17, [R, H], true);
  const rows = Uint32Array.from({ length: R / 16 }, (_, b) => 16 * b);
  const want = (i: number): number => value(17, 16 * Math.floor(i / H) * H + (i % H));
  return opCase(gpu, {
    name: "gather-rows",
    shape: `${rows.length} of [${R}, ${H}]`,
    inputs: [x],
    op: () => gatherRows(gpu, x, rows),
    check: (y) => expectNear("gather-rows", y, want, 1e-7),
    costs: {
      "gather-rows/forward": moved(2 * rows.length * H),
      "gather-rows/backward": moved(2 * rows.length * H),
    },
  });
}

/** Over H classes: the two of a classifier are no work. */
function crossEntropyCase(gpu: Gpu, R: number): Case {
  const x = filled(gpu, 18, [R, H], true);
  const logits = (row: number): number[] =>
    Array.from({ length: H }, (_, c) => value(18, row * H + c));
  const bench = opCase(gpu, {
    name: "cross-entropy",
    shape: `[${R}, ${H}]`,
    inputs: [x],
    op: () => x,
    check: (y) => expectNear("logits", y, (i) => value(18, i), 1e-7),
    costs: {
      "cross-entropy/forward": moved(2 * R * H),
      "cross-entropy/mean": moved(R),
      "cross-entropy/backward": moved(2 * R * H),
    },
  });
  return {
    ...bench,
    async check() {
      await bench.check();
      let sum = 0;
      for (let row = 0; row < R; row++) {
        const [first = NaN, ...others] = logits(row);
        const exps = others.reduce((total, z) => total + Math.exp(z), Math.exp(first));
        sum += Math.log(exps) - first; // of class 0
      }
      const loss = gpu.step(`loss [${R}, ${H}]`, () =>
        gpu.readLater(crossEntropy(gpu, x, new Uint32Array(R))),
      );
      expectNear("cross-entropy", await gpu.settle(loss), () => sum / R, 1e-5);
    },
  };
}

/** All cases at a number of tokens, made one at a time: their tensors together would not fit every adapter. */
export function* cases(
  gpu: Gpu,
  tokens: number,
  allVariants: boolean,
): Generator<{ name: string; make: () => Case }> {
  if (tokens === 512) yield { name: "update", make: () => updateCase(gpu) };
  for (const make of matmulCases(gpu, tokens, allVariants)) yield { name: "matmul", make };
  for (const T of [128, 512])
    yield { name: "attention", make: () => attentionCase(gpu, tokens, T) };
  yield { name: "linear", make: () => linearCase(gpu, tokens) };
  yield { name: "layer-norm", make: () => layerNormCase(gpu, tokens) };
  yield { name: "activation", make: () => activationCase(gpu, tokens) };
  yield { name: "dropout", make: () => dropoutCase(gpu, tokens) };
  yield { name: "add", make: () => addCase(gpu, tokens) };
  yield { name: "embedding", make: () => embeddingCase(gpu, tokens) };
  yield { name: "gather-rows", make: () => gatherRowsCase(gpu, tokens) };
  yield { name: "cross-entropy", make: () => crossEntropyCase(gpu, tokens) };
}
