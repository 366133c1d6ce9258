// onnxruntime-node, https://github.com/microsoft/onnxruntime, with one of its execution providers. It brings a Dawn of its
// own, so its calls cannot be counted here. JavaScript because its types are no part of a normal install.

import { productModel } from "./onnx.ts";

export async function open(_adapter, provider) {
  const { InferenceSession } = await import("onnxruntime-node");
  return {
    name: `onnxruntime ${provider}`,
    adapter: provider === "cpu" ? "the CPU itself, no WebGPU" : "its own Dawn, the same driver",
    countable: false,
    async matmul(shape, a, b) {
      const session = await InferenceSession.create(productModel(shape, a, b), {
        executionProviders: [provider],
        graphOptimizationLevel: "disabled", // the operands are constants: it would fold the product away
        logSeverityLevel: 3,
      });
      return {
        run: async () => (await session.run({}, ["first"])).first.data[0],
        result: async () => (await session.run({}, ["c"])).c.data,
      };
    },
    layer: async () => "onnxruntime-node computes no gradients",
  };
}
