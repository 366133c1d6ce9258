// This project as one of the peers: the engine's public operations, one submit per step.

import {
  attention,
  crossEntropy,
  type Gpu,
  layerNorm,
  linear,
  matmulInto,
  ParameterSet,
  type ParameterSpec,
  sequenceRows,
  Tensor,
} from "../../engine/index.ts";
import { AdamW } from "../../train/index.ts";
import {
  ADAMW,
  LAYER_NORM_EPS,
  layerLabels,
  type LayerSizes,
  type LayerWeights,
  MAX_GRAD_NORM,
  type Peer,
  type Task,
} from "./work.ts";

/** A set with the layer's weights; query, key and value lie back to back and are multiplied as one. */
function parameters(gpu: Gpu, { H }: LayerSizes, weights: LayerWeights): ParameterSet {
  const specs: Record<string, ParameterSpec> = {};
  for (const [name, { shape }] of weights) {
    const kind = name.split(".")[1]!;
    const decay = kind === "weight";
    if (name === `query.${kind}`) {
      const parts = ["query", "key", "value"].map((part) => ({ name: `${part}.${kind}`, shape }));
      specs[`qkv.${kind}`] = { shape: [3 * H, ...shape.slice(1)], parts, decay };
    } else if (!/^(key|value)\./.test(name)) {
      specs[name] = { shape, parts: [{ name, shape }], decay };
    }
  }
  const set = new ParameterSet(gpu, specs);
  for (const [name, { shape, values }] of weights) set.set(name, shape, values);
  return set;
}

/** One step of training of a layer on `gpu`. */
function layerTask(gpu: Gpu, sizes: LayerSizes, weights: LayerWeights, input: Float32Array): Task {
  const { T, H, heads } = sizes;
  const set = parameters(gpu, sizes, weights);
  const optimiser = new AdamW(gpu, set, ADAMW);
  const x = gpu.upload(input, [T, H]);
  const labels = layerLabels(sizes);
  const rows = sequenceRows(gpu, Uint32Array.of(0), Uint32Array.of(T), Uint32Array.of(T));
  const map = (name: string, x: Tensor, activation: "none" | "gelu_new" = "none"): Tensor =>
    linear(gpu, x, set.tensor(`${name}.weight`), set.tensor(`${name}.bias`), activation);
  const norm = (name: string, x: Tensor, residual: Tensor): Tensor => {
    const [gamma, beta] = [set.tensor(`${name}.gamma`), set.tensor(`${name}.beta`)];
    return layerNorm(gpu, x, gamma, beta, LAYER_NORM_EPS, residual);
  };
  const forward = (): Tensor => {
    const mixed = attention(gpu, map("qkv", x), rows, heads); // [T, H]
    const h = norm("attentionNorm", map("dense", mixed), x);
    const y = norm("fullNorm", map("ffnOutput", map("ffn", h, "gelu_new")), h);
    return crossEntropy(gpu, y, labels);
  };
  return {
    async run() {
      const loss = gpu.step("layer", () => {
        const loss = gpu.readLater(gpu.tape.gradients(forward));
        optimiser.update(ADAMW.lr, MAX_GRAD_NORM);
        return loss;
      });
      return (await gpu.settle(loss))[0]!;
    },
  };
}

/** This project on an open GPU. */
export function peerOf(gpu: Gpu): Peer {
  return {
    name: "albert-gpu",
    adapter: gpu.info.name,
    countable: true,
    matmul({ layout, M, N, K }, a, b) {
      const A = gpu.upload(a, layout === "TN" ? [K, M] : [M, K]);
      const B = gpu.upload(b, layout === "NT" ? [N, K] : [K, N]);
      const c = gpu.empty([M, N]);
      const first = new Tensor([1], c.buffer);
      const read = (part: Tensor): Promise<Float32Array> => {
        matmulInto(gpu, layout, A, B, c);
        return gpu.read(part);
      };
      return Promise.resolve({
        run: async () => (await read(first))[0]!,
        result: () => read(c),
      });
    },
    layer: (sizes, weights, input) => Promise.resolve(layerTask(gpu, sizes, weights, input)),
  };
}
