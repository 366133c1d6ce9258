// What is right: a layer's losses in f64, from the reference the tests prove by central differences.

import { activation, activationBackward } from "../../test/reference/activation.ts";
import { adamw } from "../../test/reference/adamw.ts";
import { attention, attentionBackward } from "../../test/reference/attention.ts";
import { crossEntropy, crossEntropyBackward } from "../../test/reference/cross-entropy.ts";
import { clipFactor, gradientNorm } from "../../test/reference/gradient-norm.ts";
import { layerNorm, layerNormBackward } from "../../test/reference/layer-norm.ts";
import { linear, linearBackward } from "../../test/reference/linear.ts";
import {
  ADAMW,
  LAYER_NORM_EPS,
  layerInput,
  layerLabels,
  type LayerSizes,
  layerWeights,
  MAX_GRAD_NORM,
} from "./work.ts";

type Values = Float64Array<ArrayBuffer>;

const sum = (a: Float64Array, b: Float64Array): Values =>
  Float64Array.from(a, (value, i) => value + b[i]!);

/** The three thirds of every row side by side, [R, 3 H], from [R, H] each. */
function beside(parts: readonly Float64Array[], H: number): Values {
  const rows = parts[0]!.length / H;
  const joined = new Float64Array(rows * parts.length * H);
  for (let r = 0; r < rows; r++) {
    parts.forEach((part, p) =>
      joined.set(part.subarray(r * H, (r + 1) * H), (r * parts.length + p) * H),
    );
  }
  return joined;
}

/** The losses of the first two steps of training: the second needs every gradient of the first, and AdamW. */
export function layerLosses(sizes: LayerSizes): readonly [number, number] {
  const { T, H, heads } = sizes;
  const weights = new Map(
    [...layerWeights(sizes)].map(([name, { values }]) => [name, Float64Array.from(values)]),
  );
  const x = Float64Array.from(layerInput(sizes));
  const labels = layerLabels(sizes);
  const get = (name: string): Values => weights.get(name)!;
  const map = (name: string, x: Float64Array) => ({
    x,
    weight: get(`${name}.weight`),
    bias: get(`${name}.bias`),
  });
  const norm = (name: string, x: Float64Array, residual: Float64Array) => ({
    x,
    residual,
    gamma: get(`${name}.gamma`),
    beta: get(`${name}.beta`),
  });
  const rows = { R: T, heads, D: H / heads, sequences: [{ first: 0, real: T }] };
  const projections = ["query", "key", "value"] as const;

  const forward = () => {
    const qkv = beside(
      projections.map((name) => linear(map(name, x))),
      H,
    );
    const dense = map("dense", attention(qkv, rows));
    const attended = norm("attentionNorm", linear(dense), x);
    const h = layerNorm(attended, LAYER_NORM_EPS);
    const ffn = map("ffn", h);
    const pre = linear(ffn);
    const output = map("ffnOutput", activation("gelu_new", pre));
    const full = norm("fullNorm", linear(output), h);
    const y = layerNorm(full, LAYER_NORM_EPS);
    return { qkv, dense, attended, ffn, pre, output, full, y };
  };
  const first = forward();
  const gradients = new Map<string, Float64Array>();
  const keep = (name: string, parts: Readonly<Record<string, Float64Array>>): Float64Array => {
    for (const [part, values] of Object.entries(parts)) gradients.set(`${name}.${part}`, values);
    return parts["x"]!;
  };
  const dy = crossEntropyBackward(first.y, labels, 1);
  const dfull = keep("fullNorm", layerNormBackward(first.full, dy, LAYER_NORM_EPS));
  const dgelu = keep("ffnOutput", linearBackward(first.output, dfull));
  const dpre = activationBackward("gelu_new", first.pre, dgelu);
  const dh = sum(dfull, keep("ffn", linearBackward(first.ffn, dpre)));
  const dattended = keep("attentionNorm", layerNormBackward(first.attended, dh, LAYER_NORM_EPS));
  const dmixed = keep("dense", linearBackward(first.dense, dattended));
  const dqkv = attentionBackward(first.qkv, dmixed, rows);
  projections.forEach((name, p) => {
    const part = Float64Array.from({ length: T * H }, (_, i) => {
      return dqkv[(Math.floor(i / H) * 3 + p) * H + (i % H)]!;
    });
    keep(name, linearBackward(map(name, x), part));
  });
  const total = gradientNorm([...gradients.values()].map(gradientNorm));
  const clip = clipFactor(total, MAX_GRAD_NORM);
  for (const [name, p] of weights) {
    const state = { p, m: new Float64Array(p.length), v: new Float64Array(p.length) };
    const decayed = name.endsWith(".weight") ? p.length : 0;
    const g = gradients.get(name)!.map((value) => value * clip);
    adamw(state, g, ADAMW.lr, 1, ADAMW, decayed);
  }
  return [crossEntropy(first.y, labels)[0]!, crossEntropy(forward().y, labels)[0]!];
}
