// jax-js, https://github.com/ekzhang/jax-js. JavaScript because its types are no part of a normal install.
// An array is used up by the function it is given to, unless passed as `.ref`.

import { ADAMW, LAYER_NORM_EPS, layerLabels, MAX_GRAD_NORM, transposed } from "./work.ts";

// Node 20 has no iterator helpers, which its einsum calls.
const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
iterators.map ??= function* map(change) {
  let i = 0;
  for (const value of this) yield change(value, i++);
};
iterators.filter ??= function* filter(keep) {
  let i = 0;
  for (const value of this) if (keep(value, i++)) yield value;
};
iterators.toArray ??= function toArray() {
  return Array.from(this);
};

export async function open() {
  const jax = await import("@jax-js/jax");
  const { numpy: np, nn, jit, tree, valueAndGrad } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const array = (values, shape) => np.array(values).reshape(shape);

  const products = {
    NN: jit((a, b) => np.matmul(a, b)),
    NT: jit((a, b) => np.matmul(a, b.transpose())),
    TN: jit((a, b) => np.matmul(a.transpose(), b)),
  };
  const first = jit((c) => c.slice(0, 0));

  return {
    name: "jax-js",
    countable: true,
    async matmul({ layout, M, N, K }, a, b) {
      const A = array(a, layout === "TN" ? [K, M] : [M, K]);
      const B = array(b, layout === "NT" ? [N, K] : [K, N]);
      await jax.blockUntilReady([A, B]);
      const product = () => products[layout](A.ref, B.ref);
      return {
        run: async () => (await first(product()).data())[0],
        result: () => product().data(),
      };
    },
    async layer(sizes, weights, input) {
      const { T, H, heads } = sizes;
      let p = {};
      for (const [name, weight] of weights) {
        const { shape, values } = name.endsWith(".weight") ? transposed(weight) : weight;
        p[name] = array(values, shape);
      }
      let m = tree.map((each) => np.zerosLike(each), tree.ref(p));
      let v = tree.map((each) => np.zerosLike(each), tree.ref(p));
      const x = array(input, [T, H]);
      const labels = nn.oneHot(np.array(Int32Array.from(layerLabels(sizes))), H);
      await jax.blockUntilReady([x, labels]);

      const loss = (p, x, labels) => {
        const map = (name, x) => np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
        const norm = (name, x) =>
          nn
            .standardize(x, -1, { epsilon: LAYER_NORM_EPS })
            .mul(p[`${name}.gamma`])
            .add(p[`${name}.beta`]);
        const [q, k, v] = ["query", "key", "value"].map((name) =>
          map(name, x.ref).reshape([1, T, heads, H / heads]),
        );
        const mixed = nn.dotProductAttention(q, k, v).reshape([T, H]);
        const h = norm("attentionNorm", map("dense", mixed).add(x)); // [T, H]
        const y = norm("fullNorm", map("ffnOutput", nn.gelu(map("ffn", h.ref))).add(h));
        return nn
          .logSoftmax(y, -1)
          .mul(labels)
          .sum()
          .mul(-1 / T);
      };
      const { lr, beta1, beta2, eps, weightDecay } = ADAMW;
      const step = jit((p, m, v, correction1, correction2, x, labels) => {
        const [value, unclipped] = valueAndGrad(loss)(tree.ref(p), x, labels);
        const squares = tree.leaves(tree.ref(unclipped)).map((g) => np.square(g).sum());
        const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
        const clip = np.minimum(1, np.array(MAX_GRAD_NORM).div(norm.add(1e-6)));
        const g = tree.map((g) => g.mul(clip.ref), unclipped);
        clip.dispose();
        const m2 = tree.map((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(g));
        const v2 = tree.map((v, g) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), v, g);
        const p2 = {};
        for (const name of Object.keys(p)) {
          const decayed = name.endsWith(".weight") ? p[name].mul(1 - lr * weightDecay) : p[name];
          const root = np.sqrt(v2[name].ref.div(correction2.ref)).add(eps);
          p2[name] = decayed.sub(m2[name].ref.div(correction1.ref).div(root).mul(lr));
        }
        correction1.dispose();
        correction2.dispose();
        return [value, p2, m2, v2];
      });
      let steps = 0;
      return {
        async run() {
          steps++;
          const corrections = [np.array(1 - beta1 ** steps), np.array(1 - beta2 ** steps)];
          const results = step(p, m, v, ...corrections, x.ref, labels.ref);
          const value = results[0];
          [, p, m, v] = results;
          return (await value.data())[0]; // submits all of the compiled step, and copies behind it
        },
      };
    },
  };
}
