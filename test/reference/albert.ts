// AlbertForSequenceClassification in f64, over the real tokens of each text alone: there is no padding here at all.
// Lan et al. 2020, arXiv:1909.11942; layout, names and order of operations are those of transformers 4.57,
// src/transformers/models/albert/modeling_albert.py. Dropout is off.

import type { Activation } from "./activation.ts";
import { attention, attentionBackward, type AttentionShape } from "./attention.ts";
import { crossEntropy, crossEntropyBackward } from "./cross-entropy.ts";
import { embedding, embeddingBackward } from "./embedding.ts";
import { gatherRows, gatherRowsBackward } from "./gather-rows.ts";
import { layerNorm, layerNormBackward } from "./layer-norm.ts";
import { linear, linearBackward } from "./linear.ts";

export interface AlbertShape {
  readonly embedding_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_hidden_groups: number;
  readonly inner_group_num: number;
  readonly num_attention_heads: number;
  readonly hidden_act: "gelu_new" | "gelu" | "relu";
  readonly layer_norm_eps: number;
  readonly pad_token_id: number;
}

/** Texts as token ids, without padding. */
export interface Texts {
  readonly ids: readonly Uint32Array[];
  /** The class of each. */
  readonly labels: Uint32Array;
}

/** Parameters by their names on disk. */
export type Weights = ReadonlyMap<string, Float64Array>;

export interface AlbertResult {
  /** [B, labels]. */
  readonly logits: Float64Array;
  readonly loss: number;
  /** Of the loss, by the names of the weights. */
  readonly gradients: Weights;
}

/** A value and the gradient that reaches it on the way back. */
interface Node {
  readonly value: Float64Array;
  readonly grad: Float64Array;
}

/** Nodes of one pass and what sends gradients back from each result to its inputs. */
class Graph {
  readonly #leaves = new Map<string, Node>();
  readonly #steps: (() => void)[] = [];
  readonly #weights: Weights;

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  weight(name: string): Node {
    let leaf = this.#leaves.get(name);
    if (!leaf) {
      const value = this.#weights.get(name);
      if (!value) throw new Error(`the reference needs ${name}`);
      this.#leaves.set(name, (leaf = { value, grad: new Float64Array(value.length) }));
    }
    return leaf;
  }

  /** `backward` gives the gradients of `inputs`, in their order, for the result's. */
  apply(
    value: Float64Array,
    inputs: readonly Node[],
    backward: (dy: Float64Array) => readonly Float64Array[],
  ): Node {
    const node = { value, grad: new Float64Array(value.length) };
    this.#steps.push(() => {
      backward(node.grad).forEach((gradient, i) => {
        const { grad } = inputs[i]!;
        gradient.forEach((each, at) => (grad[at]! += each));
      });
    });
    return node;
  }

  backward(): Weights {
    for (const step of this.#steps.toReversed()) step();
    return new Map([...this.#leaves].map(([name, { grad }]) => [name, grad]));
  }

  linear(prefix: string, x: Node, kind: Activation = "none"): Node {
    const [weight, bias] = [this.weight(`${prefix}.weight`), this.weight(`${prefix}.bias`)];
    const inputs = { x: x.value, weight: weight.value, bias: bias.value };
    return this.apply(linear(inputs, kind), [x, weight, bias], (dy) => {
      const d = linearBackward(inputs, dy, kind);
      return [d.x, d.weight, d.bias];
    });
  }

  norm(prefix: string, x: Node, eps: number, residual?: Node): Node {
    const [gamma, beta] = [this.weight(`${prefix}.weight`), this.weight(`${prefix}.bias`)];
    const inputs = {
      x: x.value,
      gamma: gamma.value,
      beta: beta.value,
      ...(residual && { residual: residual.value }),
    };
    const nodes = [x, gamma, beta, ...(residual ? [residual] : [])];
    return this.apply(layerNorm(inputs, eps), nodes, (dy) => {
      const d = layerNormBackward(inputs, dy, eps);
      return [d.x, d.gamma, d.beta, ...(residual ? [d.x] : [])];
    });
  }
}

/** Puts [R, H] matrices side by side: [R, 3 H] of three. */
function sideBySide(graph: Graph, parts: readonly Node[], H: number): Node {
  const width = parts.length * H;
  const value = new Float64Array(parts.length * parts[0]!.value.length);
  value.forEach((_, i) => {
    const [r, c] = [Math.floor(i / width), i % width];
    value[i] = parts[Math.floor(c / H)]!.value[r * H + (c % H)]!;
  });
  return graph.apply(value, parts, (dy) =>
    parts.map((part, which) =>
      part.value.map((_, i) => dy[Math.floor(i / H) * width + which * H + (i % H)]!),
    ),
  );
}

/** The sum of the word, position and token type rows; the padding row of the word table has no gradient. */
function embed(graph: Graph, ids: readonly Uint32Array[], shape: AlbertShape): Node {
  const E = shape.embedding_size;
  const words = ids.flatMap((text) => [...text]);
  const positions = ids.flatMap((text) => [...text.keys()]);
  const R = words.length;
  const tables = [
    { name: "word", rows: words, frozen: new Set([shape.pad_token_id * E]) },
    { name: "position", rows: positions, frozen: new Set<number>() },
    { name: "token_type", rows: words.map(() => 0), frozen: new Set<number>() },
  ].map(({ name, rows, frozen }) => ({
    table: graph.weight(`albert.embeddings.${name}_embeddings.weight`),
    index: Uint32Array.from(rows, (row) => row * E),
    frozen,
  }));
  const parts = tables.map(({ table, index }) => embedding(table.value, index, R, E));
  const sum = Float64Array.from({ length: R * E }, (_, i) =>
    parts.reduce((total, part) => total + part[i]!, 0),
  );
  return graph.apply(
    sum,
    tables.map(({ table }) => table),
    (dy) =>
      tables.map(({ table, index, frozen }) =>
        embeddingBackward(dy, index, table.value.length, E, frozen),
      ),
  );
}

function layer(
  graph: Graph,
  prefix: string,
  x: Node,
  rows: AttentionShape,
  shape: AlbertShape,
): Node {
  const parts = ["query", "key", "value"].map((name) =>
    graph.linear(`${prefix}.attention.${name}`, x),
  );
  const qkv = sideBySide(graph, parts, shape.hidden_size);
  const context = graph.apply(attention(qkv.value, rows), [qkv], (dy) => [
    attentionBackward(qkv.value, dy, rows),
  ]);
  const dense = graph.linear(`${prefix}.attention.dense`, context);
  const eps = shape.layer_norm_eps;
  const attended = graph.norm(`${prefix}.attention.LayerNorm`, dense, eps, x);
  const inner = graph.linear(`${prefix}.ffn`, attended, shape.hidden_act);
  const output = graph.linear(`${prefix}.ffn_output`, inner);
  return graph.norm(`${prefix}.full_layer_layer_norm`, output, eps, attended);
}

/** Logits, mean cross-entropy and its gradient for every weight. */
export function albert(weights: Weights, shape: AlbertShape, { ids, labels }: Texts): AlbertResult {
  const graph = new Graph(weights);
  const { hidden_size: H, num_attention_heads: heads, layer_norm_eps: eps } = shape;
  let R = 0;
  const sequences = ids.map((text) => {
    const first = R;
    R += text.length;
    return { first, real: text.length };
  });
  const rows = { R, heads, D: H / heads, sequences };

  const embedded = graph.norm("albert.embeddings.LayerNorm", embed(graph, ids, shape), eps);
  let x = graph.linear("albert.encoder.embedding_hidden_mapping_in", embedded);
  for (let i = 0; i < shape.num_hidden_layers; i++) {
    const group = Math.floor(i / (shape.num_hidden_layers / shape.num_hidden_groups));
    for (let j = 0; j < shape.inner_group_num; j++) {
      const prefix = `albert.encoder.albert_layer_groups.${group}.albert_layers.${j}`;
      x = layer(graph, prefix, x, rows, shape);
    }
  }
  const first = Uint32Array.from(sequences, (sequence) => sequence.first);
  const pooledRows = graph.apply(gatherRows(x.value, first, H), [x], (dy) => [
    gatherRowsBackward(dy, first, R, H),
  ]);
  const pooled = graph.linear("albert.pooler", pooledRows, "tanh");
  const logits = graph.linear("classifier", pooled);
  const loss = graph.apply(crossEntropy(logits.value, labels), [logits], (dy) => [
    crossEntropyBackward(logits.value, labels, dy[0]!),
  ]);
  loss.grad[0] = 1;
  return { logits: logits.value, loss: loss.value[0]!, gradients: graph.backward() };
}
