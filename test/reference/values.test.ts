// What central differences cannot see: that the references compute the right function, checked at values known from
// elsewhere or by hand.

import { describe, expect, it } from "vitest";
import { adamw } from "./adamw.ts";
import { activation, erf } from "./activation.ts";
import { attention } from "./attention.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { dropoutMask, randomBits } from "./dropout.ts";
import { embeddingBackward } from "./embedding.ts";
import { clipFactor, gradientNorm } from "./gradient-norm.ts";
import { layerNorm } from "./layer-norm.ts";

describe("the references", () => {
  it("give erf as tables have it", () => {
    // Abramowitz and Stegun, table 7.1.
    const table = [
      [0, 0],
      [0.5, 0.5204998778],
      [1, 0.8427007929],
      [2, 0.995322265],
    ] as const;
    for (const [z, value] of table) {
      expect(erf(z)).toBeCloseTo(value, 9);
      expect(erf(-z)).toBeCloseTo(-value, 9);
    }
    expect(1 - erf(5)).toBeCloseTo(1.5374597944e-12, 14);
    expect(erf(40)).toBe(1);
  });

  it("let both GELUs agree to a thousandth, as the tanh form is made to", () => {
    const x = Float64Array.from({ length: 161 }, (_, i) => i / 20 - 4);
    const [exact, fast] = [activation("gelu", x), activation("gelu_new", x)];
    for (let i = 0; i < x.length; i++) expect(Math.abs(exact[i]! - fast[i]!)).toBeLessThan(1e-3);
  });

  it("normalise a row to mean 0 and deviation 1 before the scale", () => {
    const [x, gamma, beta] = [
      [1, 2, 3, 6],
      [1, 1, 1, 2],
      [0, 0, 0, 10],
    ].map((values) => Float64Array.from(values)) as [Float64Array, Float64Array, Float64Array];
    const deviation = Math.sqrt(3.5);
    expect([...layerNorm({ x, gamma, beta }, 0)]).toEqual(
      [-2 / deviation, -1 / deviation, 0, 10 + 6 / deviation].map((y) => expect.closeTo(y, 12)),
    );
  });

  it("attend with weights 1/4 and 3/4 when the scores differ by ln 3", () => {
    // One head of size 1, so scale 1: q = 1, k = 0 and ln 3, v = 4 and 8; the third row is padding.
    const qkv = Float64Array.of(1, 0, 4, 0, Math.log(3), 8, 5, 5, 5);
    const shape = { R: 3, heads: 1, D: 1, sequences: [{ first: 0, real: 2 }] };
    const y = attention(qkv, shape);
    expect([...y]).toEqual([expect.closeTo(7, 12), expect.closeTo(6, 12), 0]);
  });

  it("give equal logits the loss ln K, and stay finite for huge ones", () => {
    expect(crossEntropy(Float64Array.of(3, 3, 3), Uint32Array.of(1))[0]).toBeCloseTo(Math.log(3));
    expect(crossEntropy(Float64Array.of(1e4, 0), Uint32Array.of(1))[0]).toBe(1e4);
  });

  it("leave frozen rows of an embedding without gradient", () => {
    const dtable = embeddingBackward(
      Float64Array.of(1, 2, 4),
      Uint32Array.of(0, 1, 0),
      2,
      1,
      new Set([0]),
    );
    expect([...dtable]).toEqual([0, 2]);
  });

  it("drop a share p of many elements, differently for another key", () => {
    const n = 100_000;
    const dropped = (key0: number, key1: number) =>
      dropoutMask(n, 0.3, { key0, key1 }).filter((factor) => factor === 0).length / n;
    expect(Math.abs(dropped(1, 2) - 0.3)).toBeLessThan(0.007); // deviation 0.0014
    const bits = [
      randomBits(1, 2, 3),
      randomBits(2, 1, 3),
      randomBits(1, 2, 4),
      randomBits(1, 3, 3),
    ];
    expect(new Set(bits).size).toBe(4);
  });

  it("measure 3 and 4 as 5 and clip to the limit", () => {
    expect(gradientNorm([3, -4])).toBe(5);
    expect(clipFactor(5, 1) * 5).toBeCloseTo(1, 6);
    expect([clipFactor(0.5, 1), clipFactor(5, 0)]).toEqual([1, 1]);
  });

  it("move a weight by lr in AdamW's first step, after the decay", () => {
    const state = { p: Float64Array.of(2, 2), m: new Float64Array(2), v: new Float64Array(2) };
    const settings = { beta1: 0.9, beta2: 0.999, eps: 0, weightDecay: 0.1 };
    adamw(state, Float64Array.of(7, -7), 0.01, 1, settings, 1);
    expect([...state.p]).toEqual(
      [2 - 0.01 * 0.1 * 2 - 0.01, 2 + 0.01].map((p) => expect.closeTo(p, 12)),
    );
  });
});
