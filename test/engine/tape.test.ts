import { describe, expect, it } from "vitest";
import { activation } from "../../engine/ops/activation.ts";
import { add } from "../../engine/ops/add.ts";
import { crossEntropy } from "../../engine/ops/cross-entropy.ts";
import { layerNorm } from "../../engine/ops/layer-norm.ts";
import { linear } from "../../engine/ops/linear.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import type { Tensor } from "../../engine/tensor.ts";
import * as activations from "../reference/activation.ts";
import * as layerNorms from "../reference/layer-norm.ts";
import * as linears from "../reference/linear.ts";
import { checkOp, parametersOf, project } from "../support/check-op.ts";
import { expectClose } from "../support/close.ts";
import { openTestGpu } from "../support/device.ts";
import { normals } from "../support/random.ts";

const gpu = await openTestGpu();
const tolerance = { rtol: 1e-5, atol: 2e-5 }; // see linear.test.ts

const plus = (...terms: Float64Array[]) =>
  Float64Array.from(terms[0]!, (_, i) => terms.reduce((sum, term) => sum + term[i]!, 0));
const tanh = (x: Float64Array) => activations.activation("tanh", x);
const relu = (x: Float64Array) => activations.activation("relu", x);
const dTanh = (x: Float64Array, dy: Float64Array) => activations.activationBackward("tanh", x, dy);
const dRelu = (x: Float64Array, dy: Float64Array) => activations.activationBackward("relu", x, dy);

/** Graphs in which x is used more than once: passed on, or written by an op, in either order. */
const SHARED: Readonly<
  Record<
    string,
    {
      readonly op: (x: Tensor) => Tensor;
      readonly forward: (x: Float64Array) => Float64Array;
      readonly backward: (x: Float64Array, dy: Float64Array) => Float64Array;
    }
  >
> = {
  "x + f(x)": {
    op: (x) => add(gpu, x, activation(gpu, x, "tanh")),
    forward: (x) => plus(x, tanh(x)),
    backward: (x, dy) => plus(dy, dTanh(x, dy)),
  },
  "f(x) + x": {
    op: (x) => add(gpu, activation(gpu, x, "tanh"), x),
    forward: (x) => plus(tanh(x), x),
    backward: (x, dy) => plus(dy, dTanh(x, dy)),
  },
  "f(x) + g(x)": {
    op: (x) => add(gpu, activation(gpu, x, "tanh"), activation(gpu, x, "relu")),
    forward: (x) => plus(tanh(x), relu(x)),
    backward: (x, dy) => plus(dTanh(x, dy), dRelu(x, dy)),
  },
  "(x + x) + x": {
    op: (x) => add(gpu, add(gpu, x, x), x),
    forward: (x) => plus(x, x, x),
    backward: (_, dy) => plus(dy, dy, dy),
  },
  "(x + x) + (x + x) through one tensor": {
    op: (x) => {
      const twice = add(gpu, x, x);
      return add(gpu, twice, twice);
    },
    forward: (x) => plus(x, x, x, x),
    backward: (_, dy) => plus(dy, dy, dy, dy),
  },
  "f(x) + x, and x once more": {
    op: (x) => add(gpu, x, add(gpu, activation(gpu, x, "tanh"), x)),
    forward: (x) => plus(tanh(x), x, x),
    backward: (x, dy) => plus(dTanh(x, dy), dy, dy),
  },
};

describe("a tensor that is used more than once", () => {
  it.each(Object.entries(SHARED))("gets the sum of its gradients: %s", (name, graph) =>
    checkOp(gpu, {
      name,
      inputs: { x: [6, 11] },
      op: ({ x }) => graph.op(x),
      forward: ({ x }) => graph.forward(x),
      backward: ({ x }, dy) => ({ x: graph.backward(x, dy) }),
      tolerance,
    }),
  );

  it("does so when it is the residual of a norm of itself through an op", () =>
    checkOp(gpu, {
      name: "norm(f(x) + x)",
      inputs: { x: [6, 11], gamma: [11], beta: [11] },
      op: ({ x, gamma, beta }) => layerNorm(gpu, activation(gpu, x, "tanh"), gamma, beta, 1e-12, x),
      forward: ({ x, ...p }) => layerNorms.layerNorm({ x: tanh(x), residual: x, ...p }, 1e-12),
      backward: ({ x, ...p }, dy) => {
        const d = layerNorms.layerNormBackward({ x: tanh(x), residual: x, ...p }, dy, 1e-12);
        return { ...d, x: plus(d.x, dTanh(x, d.x)) };
      },
      tolerance,
    }));

  it("does so for a layer's weights used four times in a row", () => {
    const layers = 4;
    const inputs = (x: Float64Array, p: { weight: Float64Array; bias: Float64Array }) => ({
      x,
      ...p,
    });
    return checkOp(gpu, {
      name: "shared layer",
      inputs: { x: [5, 8], weight: [8, 8], bias: [8] },
      op: ({ x, weight, bias }) => {
        let h = x;
        for (let i = 0; i < layers; i++) h = linear(gpu, h, weight, bias, "tanh");
        return h;
      },
      forward: ({ x, ...p }) => {
        let h = x;
        for (let i = 0; i < layers; i++) h = linears.linear(inputs(h, p), "tanh");
        return h;
      },
      backward: ({ x, ...p }, dy) => {
        const hs = [x];
        for (let i = 1; i < layers; i++) hs.push(linears.linear(inputs(hs.at(-1)!, p), "tanh"));
        let dh = dy;
        let [weight, bias] = [new Float64Array(p.weight.length), new Float64Array(p.bias.length)];
        for (const h of hs.toReversed()) {
          const d = linears.linearBackward(inputs(h, p), dh, "tanh");
          weight = plus(weight, d.weight);
          bias = plus(bias, d.bias);
          dh = d.x;
        }
        return { x: dh, weight, bias };
      },
      values: (name, size) => normals(name.length, size, 0.5),
      // Each of four layers adds the errors of one.
      tolerance: { rtol: 4e-5, atol: 1e-4 },
    });
  });

  it("does so for a matrix that is both factors of a product", () =>
    checkOp(gpu, {
      name: "x x",
      inputs: { x: [7, 7] },
      op: ({ x }) => matmul(gpu, "NN", x, x),
      forward: ({ x }) => square(x),
      backward: ({ x }, dy) => ({
        x: Float64Array.from(x, (_, i) => {
          const [r, c] = [Math.floor(i / 7), i % 7];
          let sum = 0;
          for (let k = 0; k < 7; k++)
            sum += dy[r * 7 + k]! * x[c * 7 + k]! + x[k * 7 + r]! * dy[k * 7 + c]!;
          return sum;
        }),
      }),
      tolerance,
    }));
});

function square(x: Float64Array): Float64Array {
  return Float64Array.from(x, (_, i) => {
    let sum = 0;
    for (let k = 0; k < 7; k++) sum += x[Math.floor(i / 7) * 7 + k]! * x[k * 7 + (i % 7)]!;
    return sum;
  });
}

describe("the tape", () => {
  it("adds the gradients of two losses, each times its scale", async () => {
    const set = parametersOf(gpu, { p: [3] });
    const w = Float32Array.of(1, 2, -4);
    for (const scale of [0.5, 2]) {
      gpu.step("loss", () =>
        gpu.tape.gradients(() => project(gpu, set.tensor("p"), gpu.upload(w)), scale),
      );
    }
    const { data } = set.split(await gpu.read(set.gradients)).get("p")!;
    expect([...data]).toEqual([2.5, 5, -10]);
    set.destroy();
  });

  it("returns the loss, unscaled", async () => {
    const set = parametersOf(gpu, { p: [3] });
    set.set("p", [3], Float32Array.of(1, 1, 2));
    const w = gpu.upload(Float32Array.of(1, 2, 4));
    const loss = gpu.tape.gradients(() => project(gpu, set.tensor("p"), w), 100);
    expect([...(await gpu.read(loss))]).toEqual([11]);
    set.destroy();
  });

  it("gives no gradient to results the loss does not need, nor to data", async () => {
    const set = parametersOf(gpu, { used: [4], unused: [4] });
    const data = gpu.upload(normals(1, 4));
    gpu.step("unused", () =>
      gpu.tape.gradients(() => {
        activation(gpu, add(gpu, set.tensor("unused"), data), "tanh");
        return project(gpu, add(gpu, data, set.tensor("used")), gpu.upload(normals(2, 4)));
      }),
    );
    const parts = set.split(await gpu.read(set.gradients));
    expect([...parts.get("unused")!.data]).toEqual([0, 0, 0, 0]);
    expectClose("used", parts.get("used")!.data, normals(2, 4), tolerance);
    set.destroy();
  });

  it("gives the derivatives by a result that is used twice, and leaves parameters alone", async () => {
    const set = parametersOf(gpu, { w: [3, 4], b: [3] });
    const [x, w, b, dy] = [normals(1, 20), normals(2, 12), normals(3, 3), normals(4, 15)];
    set.set("w", [3, 4], w);
    set.set("b", [3], b);
    const reads = gpu.step("derivatives", () => {
      const tensor = gpu.upload(x, [5, 4]);
      const { value, gradients } = gpu.tape.derivatives(
        [tensor],
        () => {
          const z = add(gpu, tensor, activation(gpu, tensor, "tanh"));
          return linear(gpu, z, set.tensor("w"), set.tensor("b"));
        },
        gpu.upload(dy, [5, 3]),
      );
      return [gpu.readLater(value), gpu.readLater(gradients[0]!)] as const;
    });
    const [value, gradient] = await gpu.settle(Promise.all(reads));
    const f64 = (values: Float32Array) => Float64Array.from(values);
    const inputs = { x: plus(f64(x), tanh(f64(x))), weight: f64(w), bias: f64(b) };
    const dz = linears.linearBackward(inputs, f64(dy)).x;
    expectClose("value", value, linears.linear(inputs), tolerance);
    expectClose("dx", gradient, plus(dz, dTanh(f64(x), dz)), tolerance);
    expect((await gpu.read(set.gradients)).every((one) => one === 0)).toBe(true);
    set.destroy();
  });

  it("refuses derivatives by what the result does not use, or along another shape", () => {
    const derivatives = (used: boolean, shape: readonly number[]) =>
      gpu.step("refused", () => {
        const [x, other] = [gpu.upload(normals(1, 4)), gpu.upload(normals(2, 4))];
        const dy = gpu.upload(normals(3, 4), shape);
        gpu.tape.derivatives([used ? x : other], () => activation(gpu, x, "tanh"), dy);
      });
    expect(() => derivatives(true, [4])).not.toThrow();
    expect(() => derivatives(false, [4])).toThrow(
      "tape.derivatives: the result must depend on each input; got one [4] that it does not use.",
    );
    expect(() => derivatives(true, [2, 2])).toThrow("dy must be [4]; got [2, 2]");
    expect(gpu.tape.recording).toBe(false);
  });

  it("refuses a loss of more than one element and stops recording", () => {
    const x = gpu.empty([2, 3]);
    expect(() => gpu.tape.gradients(() => x)).toThrow(
      "tape.gradients: the loss must have one element; got [2, 3]. Reduce it first.",
    );
    expect(gpu.tape.recording).toBe(false);
  });

  it("refuses a loss that no op made, which would train nothing", () => {
    const set = parametersOf(gpu, { p: [1] });
    for (const loss of [gpu.empty([1]), set.tensor("p")]) {
      expect(() => gpu.tape.gradients(() => loss)).toThrow(
        "tape.gradients: the loss must be the result of an op in forward",
      );
    }
    set.destroy();
  });

  it("refuses a record within a record, whose own would be lost, and goes on after it", async () => {
    const logits = gpu.upload(normals(1, 6), [2, 3]);
    const loss = () => crossEntropy(gpu, logits, Uint32Array.of(0, 2));
    const nested = [
      () => gpu.tape.gradients(loss),
      () => gpu.tape.derivatives([logits], loss, gpu.upload(Float32Array.of(1))).value,
    ];
    for (const inner of nested) {
      expect(() => gpu.tape.gradients(inner)).toThrow("records do not nest; finish the outer one.");
      expect(gpu.tape.recording).toBe(false);
    }
    expect((await gpu.read(gpu.tape.gradients(loss)))[0]).toBeGreaterThan(0);
  });

  it("gives the values of an activation that was asked for in forward, though it frees it", async () => {
    const set = parametersOf(gpu, { w: [3, 3], b: [3] });
    gpu.set(set.values, normals(1, set.size));
    const x = gpu.upload(normals(2, 12), [4, 3]);
    const h = () => linear(gpu, x, set.tensor("w"), set.tensor("b"));
    const want = await gpu.read(h());
    let values: Promise<Float32Array> | undefined;
    gpu.step("asked for", () =>
      gpu.tape.gradients(() => {
        const first = h();
        values = gpu.readLater(first);
        let y = first;
        for (let i = 0; i < 4; i++) y = activation(gpu, y, "tanh");
        return crossEntropy(gpu, y, new Uint32Array(4));
      }),
    );
    expect(await gpu.settle(values!)).toEqual(want);
    set.destroy();
  });

  it("stops recording when the forward pass fails", () => {
    expect(() =>
      gpu.tape.gradients(() => {
        throw new Error("on purpose");
      }),
    ).toThrow("on purpose");
    expect(gpu.tape.recording).toBe(false);
  });

  it("frees every activation and gradient on the way back, outside steps too", async () => {
    const set = parametersOf(gpu, { w: [16, 16], b: [16], g: [16] });
    const run = async () => {
      const x = gpu.upload(normals(1, 16 * 20), [20, 16]);
      const loss = gpu.tape.gradients(() => {
        const h = linear(gpu, x, set.tensor("w"), set.tensor("b"), "gelu");
        const n = layerNorm(gpu, h, set.tensor("g"), set.tensor("b"), 1e-12, add(gpu, h, h));
        return crossEntropy(gpu, add(gpu, n, n), new Uint32Array(20));
      });
      const [value] = await gpu.read(loss);
      gpu.release(loss);
      gpu.release(x);
      return value;
    };
    const first = await run();
    const { poolBuffers } = gpu;
    for (let i = 0; i < 5; i++) expect(await run()).toBe(first);
    expect(gpu.poolBuffers).toBe(poolBuffers);
    set.destroy();
  });
});

describe("a checkpoint", () => {
  const set = parametersOf(gpu, { w: [8, 8], b: [8] });
  const x = gpu.upload(normals(1, 24), [3, 8]);
  set.set("w", [8, 8], normals(2, 64));
  const map = (h: Tensor): Tensor =>
    activation(gpu, linear(gpu, h, set.tensor("w"), set.tensor("b")), "tanh");
  const gradientsOf = async (forward: () => Tensor): Promise<Float32Array> => {
    gpu.set(set.gradients, new Float32Array(set.size));
    gpu.tape.gradients(() => crossEntropy(gpu, forward(), new Uint32Array(3)));
    return gpu.read(set.gradients);
  };

  it("within another gives the same bits as none", async () => {
    const { tape } = gpu;
    const plain = await gradientsOf(() => map(map(map(x))));
    const nested = await gradientsOf(() =>
      tape.checkpoint(map(x), (h) => map(tape.checkpoint(h, (inner) => map(inner)))),
    );
    expect(nested).toEqual(plain);
    expect(plain.some((value) => value !== 0)).toBe(true);
  });

  it.each([1, 2])(
    "refuses an activation from outside, %i deep: its gradient would be lost",
    (deep) => {
      const { tape } = gpu;
      const forward = () => {
        const side = map(x);
        const inner = (h: Tensor) => add(gpu, map(h), side);
        const h = map(x);
        return tape.checkpoint(h, deep === 1 ? inner : (o) => tape.checkpoint(map(o), inner));
      };
      const loss = () => crossEntropy(gpu, forward(), new Uint32Array(3));
      expect(() => tape.gradients(loss)).toThrow(
        "tape.checkpoint: fn must use no activation but its input; got one [3, 8]. Compute it within fn.",
      );
      expect(tape.recording).toBe(false);
    },
  );

  it("refuses a tensor whose derivative is asked for, when it is not the input", () => {
    const forward = () => gpu.tape.checkpoint(map(x), (h) => add(gpu, h, x));
    const dy = gpu.upload(normals(3, 24), [3, 8]);
    expect(() => gpu.tape.derivatives([x], forward, dy)).toThrow("fn must use no activation");
  });
});
