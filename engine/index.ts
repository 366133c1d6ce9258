// The public face of the engine: tensors, tape and ops on a WebGPU device. It knows numbers, not ALBERT.

export type { Activation } from "../kernels/activation.ts";
export {
  type Access,
  type Binding,
  type Constants,
  defineKernel,
  type ElementType,
  type Entries,
  type Grid,
  grid,
  type Kernel,
  type Params,
  type ParamType,
} from "../kernels/kernel.ts";
export type { MatmulKernel } from "../kernels/matmul.ts";
export type { MatrixShape } from "../kernels/matmul-matrix-tile.ts";
export { roundedBytes } from "./buffers.ts";
export type { AdapterInfo, DeviceOptions } from "./device.ts";
export * from "./errors.ts";
export type { ApiCalls } from "./api-calls.ts";
export { Gpu } from "./gpu.ts";
export { openGpu } from "./open.ts";
export * from "./ops/index.ts";
export { hasTimestamps, type Span } from "./profile.ts";
export { mix, Random } from "./random.ts";
export { type ParameterPart, ParameterSet, type ParameterSpec } from "./parameters.ts";
export { elementCount, format, sameShape, type Shape } from "./shape.ts";
export { type Backward, type Gradient, Tape } from "./tape.ts";
export { Tensor } from "./tensor.ts";
export { type ProductShape, tuneMatmul, type TuningProgress } from "./tuner.ts";
export type { MatmulChoice, TunedProduct } from "./tuning.ts";

// For declarations outside this repository: WebGPU's types come from TypeScript's "dom" or from @webgpu/types, which exclude
// one another, or from nowhere. An interface merges with whichever is there.
declare global {
  interface GPUDevice {
    destroy(): undefined;
  }
  interface GPUBuffer {
    destroy(): undefined;
  }
  interface GPUComputePassDescriptor {
    label?: string;
  }
}
