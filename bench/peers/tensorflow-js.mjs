// TensorFlow.js with its WebGPU backend, https://github.com/tensorflow/tfjs. JavaScript because its types are no part of a
// normal install.

import { ADAMW, LAYER_NORM_EPS, layerLabels, MAX_GRAD_NORM, transposed } from "./work.ts";

export async function open() {
  const { default: tf } = await import("@tensorflow/tfjs"); // tfjs-core alone has no gradients
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs: its WebGPU backend did not start.");
  await tf.ready();

  return {
    name: "TensorFlow.js",
    countable: true,
    async matmul({ layout, M, N, K }, a, b) {
      const A = tf.tensor2d(a, layout === "TN" ? [K, M] : [M, K]);
      const B = tf.tensor2d(b, layout === "NT" ? [N, K] : [K, N]);
      const product = () => tf.matMul(A, B, layout === "TN", layout === "NT");
      return {
        async run() {
          const value = tf.tidy(() => tf.slice(product(), [0, 0], [1, 1]));
          const [number] = await value.data();
          value.dispose();
          return number;
        },
        async result() {
          const C = product();
          const values = await C.data();
          C.dispose();
          return values;
        },
      };
    },
    async layer(sizes, weights, input) {
      const { T, H, heads } = sizes;
      const D = H / heads;
      const p = {};
      for (const [name, weight] of weights) {
        const { shape, values } = name.endsWith(".weight") ? transposed(weight) : weight;
        p[name] = tf.variable(tf.tensor(values, shape), true, `${name} ${T}`);
      }
      const x = tf.tensor2d(input, [T, H]);
      const labels = tf.oneHot(tf.tensor1d(Int32Array.from(layerLabels(sizes)), "int32"), H);
      const map = (name, x) => tf.add(tf.matMul(x, p[`${name}.weight`]), p[`${name}.bias`]);
      const norm = (name, x) => {
        const d = tf.sub(x, tf.mean(x, -1, true));
        const variance = tf.mean(tf.square(d), -1, true);
        const h = tf.mul(d, tf.rsqrt(tf.add(variance, LAYER_NORM_EPS)));
        return tf.add(tf.mul(h, p[`${name}.gamma`]), p[`${name}.beta`]);
      };
      const gelu = (x) => {
        const inner = tf.add(x, tf.mul(0.044715, tf.mul(x, tf.square(x))));
        return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), inner))));
      };
      const loss = () => {
        const [q, k, v] = ["query", "key", "value"].map((name) =>
          tf.transpose(tf.reshape(map(name, x), [T, heads, D]), [1, 0, 2]),
        );
        const probs = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D)));
        const mixed = tf.reshape(tf.transpose(tf.matMul(probs, v), [1, 0, 2]), [T, H]);
        const h = norm("attentionNorm", tf.add(map("dense", mixed), x)); // [T, H]
        const y = norm("fullNorm", tf.add(map("ffnOutput", gelu(map("ffn", h))), h));
        return tf.losses.softmaxCrossEntropy(labels, y);
      };
      const { lr, beta1, beta2, eps, weightDecay } = ADAMW;
      const adam = tf.train.adam(lr, beta1, beta2, eps);
      return {
        async run() {
          const { value, grads } = tf.variableGrads(loss, Object.values(p));
          const clipped = tf.tidy(() => {
            const squares = Object.values(grads).map((g) => tf.sum(tf.square(g)));
            const sum = squares.reduce((a, b) => tf.add(a, b)); // its addN binds more buffers than fit
            const clip = tf.minimum(1, tf.div(MAX_GRAD_NORM, tf.add(tf.sqrt(sum), 1e-6)));
            return Object.fromEntries(
              Object.entries(grads).map(([name, g]) => [name, tf.mul(g, clip)]),
            );
          });
          tf.dispose(grads);
          // It has no AdamW: decay by hand, then its Adam.
          tf.tidy(() => {
            for (const [name, each] of Object.entries(p)) {
              if (name.endsWith(".weight")) each.assign(tf.mul(each, 1 - lr * weightDecay));
            }
          });
          adam.applyGradients(clipped);
          tf.dispose(clipped);
          const [number] = await value.data(); // copied behind the update in the queue
          value.dispose();
          return number;
        },
      };
    },
  };
}
