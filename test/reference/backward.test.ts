// Every backward of the f64 references against central differences of its forward: this proves the mathematics, the tests
// in test/engine/ops then prove the kernels against it. No device.

import { describe, it } from "vitest";
import { expectGradients } from "../support/differences.ts";
import { integers, normals } from "../support/random.ts";
import { activation, activationBackward } from "./activation.ts";
import { attention, type AttentionShape, attentionBackward, type Keep } from "./attention.ts";
import { columnSum, columnSumBackward } from "./column-sum.ts";
import { crossEntropy, crossEntropyBackward } from "./cross-entropy.ts";
import { dropout, dropoutMask, keepFactor } from "./dropout.ts";
import { embedding, embeddingBackward } from "./embedding.ts";
import { gatherRows, gatherRowsBackward } from "./gather-rows.ts";
import { layerNorm, layerNormBackward } from "./layer-norm.ts";
import { linear, linearBackward } from "./linear.ts";
import { matmul, matmulBackward } from "./matmul.ts";

const draw = (seed: number, n: number, scale = 1): Float64Array =>
  Float64Array.from(normals(seed, n, scale));

describe("the backward of each reference is its forward's derivative", () => {
  it.each(["NN", "NT", "TN"] as const)("matmul %s", (layout) => {
    const sizes = { M: 3, N: 4, K: 5 };
    expectGradients(
      `matmul ${layout}`,
      { a: draw(1, 15), b: draw(2, 20) },
      ({ a, b }) => matmul(layout, a, b, sizes),
      ({ a, b }, dy) => matmulBackward(layout, a, b, dy, sizes),
    );
  });

  it.each(["none", "gelu_new", "gelu", "relu", "tanh"] as const)("activation %s", (kind) => {
    expectGradients(
      kind,
      { x: draw(3, 40, 2) },
      ({ x }) => activation(kind, x),
      ({ x }, dy) => ({ x: activationBackward(kind, x, dy) }),
    );
  });

  it("linear with an activation", () => {
    expectGradients(
      "linear",
      { x: draw(4, 12), weight: draw(5, 20), bias: draw(6, 5) },
      (inputs) => linear(inputs, "gelu_new"),
      (inputs, dy) => linearBackward(inputs, dy, "gelu_new"),
    );
  });

  it("layer norm with a residual", () => {
    const inputs = { x: draw(7, 28), gamma: draw(8, 7), beta: draw(9, 7), residual: draw(10, 28) };
    expectGradients(
      "layerNorm",
      inputs,
      (at) => layerNorm(at, 1e-12),
      (at, dy) => {
        const d = layerNormBackward(at, dy, 1e-12);
        return { ...d, residual: d.x };
      },
    );
  });

  it("attention over ragged sequences, with and without dropped pairs", () => {
    const shape: AttentionShape = {
      R: 9,
      heads: 2,
      D: 3,
      sequences: [
        { first: 0, real: 4 },
        { first: 5, real: 1 },
        { first: 6, real: 3 },
      ],
    };
    const dropped: Keep = (query, key, head) =>
      keepFactor(0.3, { key0: 7, key1: 8 }, (query * 2 + head) * 5 + key);
    for (const keep of [undefined, dropped]) {
      expectGradients(
        "attention",
        { qkv: draw(11, 9 * 18) },
        ({ qkv }) => attention(qkv, shape, keep),
        ({ qkv }, dy) => ({ qkv: attentionBackward(qkv, dy, shape, keep) }),
      );
    }
  });

  it("dropout", () => {
    const mask = dropoutMask(50, 0.4, { key0: 1, key1: 2 });
    expectGradients(
      "dropout",
      { x: draw(12, 50) },
      ({ x }) => dropout(x, mask),
      (_, dy) => ({ x: dropout(dy, mask) }),
    );
  });

  it("embedding with repeated rows", () => {
    const index = integers(13, 12, 4).map((row) => row * 3);
    expectGradients(
      "embedding",
      { table: draw(14, 12) },
      ({ table }) => embedding(table, index, 6, 3),
      ({ table }, dy) => ({ table: embeddingBackward(dy, index, table.length, 3) }),
    );
  });

  it("gather rows", () => {
    const rows = Uint32Array.of(4, 0, 2);
    expectGradients(
      "gatherRows",
      { x: draw(15, 15) },
      ({ x }) => gatherRows(x, rows, 3),
      (_, dy) => ({ x: gatherRowsBackward(dy, rows, 5, 3) }),
    );
  });

  it("cross-entropy", () => {
    const labels = integers(16, 6, 4);
    expectGradients(
      "crossEntropy",
      { logits: draw(17, 24, 3) },
      ({ logits }) => crossEntropy(logits, labels),
      ({ logits }, dy) => ({ logits: crossEntropyBackward(logits, labels, dy[0]!) }),
    );
  });

  it("column sum", () => {
    expectGradients(
      "columnSum",
      { x: draw(18, 12) },
      ({ x }) => columnSum(x, 4),
      (_, dy) => ({ x: columnSumBackward(dy, 3) }),
    );
  });
});
