import { describe, expect, it } from "vitest";
import { activation } from "../../../engine/ops/activation.ts";
import * as reference from "../../reference/activation.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";
import { normals } from "../../support/random.ts";

const gpu = await openTestGpu();
// tanh and erf have an absolute error of 1.2e-7, which GELU multiplies by x and its gradient by up to 0.1 x^3, at
// |x| near 6 by 20; exp has a relative error of 4e-6.
const tolerance = { rtol: 1e-5, atol: 1e-5 };

describe("activation", () => {
  it("refuses a name it does not know", () => {
    expect(() => activation(gpu, gpu.empty([1]), "swish" as "relu")).toThrow(
      "activation: must be one of none, gelu_new, gelu, relu, tanh; got swish.",
    );
  });

  describe.each(["gelu_new", "gelu", "relu", "tanh"] as const)("%s", (kind) => {
    it.each([[[1]], [[63]], [[3, 65]], [[2, 5, 77]]])("is the reference's on %j", (shape) =>
      checkOp(gpu, {
        name: kind,
        inputs: { x: shape },
        op: ({ x }) => activation(gpu, x, kind),
        forward: ({ x }) => reference.activation(kind, x),
        backward: ({ x }, dy) => ({ x: reference.activationBackward(kind, x, dy) }),
        values: (_, size) => normals(1, size, 2.5),
        tolerance,
      }),
    );

    it("keeps a NaN, in whole vec4s and one by one", async () => {
      for (const size of [3, 4]) {
        const x = gpu.upload(new Float32Array(size).fill(NaN));
        expect([...(await gpu.read(activation(gpu, x, kind)))]).toEqual(Array(size).fill(NaN));
      }
    });

    it("has the right limits far from zero", async () => {
      const x = [-1e30, -1000, -100, -15.5, -9, 9, 15.5, 100, 1000, 1e30, 0];
      const y = await gpu.read(activation(gpu, gpu.upload(Float32Array.from(x)), kind));
      const want = x.map((value) => (kind === "tanh" ? Math.sign(value) : Math.max(value, 0)));
      y.forEach((value, i) => {
        expect(Math.abs(value - want[i]!)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(want[i]!)));
      });
    });
  });

  it("has tanh to a relative error of 1e-6, also near zero", async () => {
    const x = Float32Array.from({ length: 2000 }, (_, i) => (-1) ** i * 10 ** ((8 * i) / 2000 - 7));
    const y = await gpu.read(activation(gpu, gpu.upload(x), "tanh"));
    const worst = y.reduce(
      (most, value, i) => Math.max(most, Math.abs(value / Math.tanh(x[i]!) - 1)),
      0,
    );
    expect(worst).toBeLessThan(1e-6);
  });
});
