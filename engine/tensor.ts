import type { PoolBuffer } from "./buffers.ts";
import { DeviceError, ShapeError } from "./errors.ts";
import { elementCount, format, type Shape } from "./shape.ts";

/** Bytes that the start of a binding is a multiple of on every device. */
export const BINDING_ALIGNMENT = 256;

/**
 * A shape over a range of a GPU buffer; the elements are 4 bytes, f32 or u32 by use. A tensor does not own its buffer:
 * the pool, the step or a ParameterSet does. Row-major, no strides.
 */
export class Tensor {
  readonly shape: Shape;
  readonly buffer: PoolBuffer;
  /** Start of the range in bytes; a multiple of 256 where a kernel uses it. */
  readonly offset: number;
  /** What Tape.gradients adds the gradient to; only parameters have one. */
  readonly grad: Tensor | undefined;

  /** Throws ShapeError for a range that ends behind the buffer. */
  constructor(shape: Shape, buffer: PoolBuffer, offset = 0, grad?: Tensor) {
    if (offset < 0 || offset + 4 * elementCount(shape) > buffer.bytes) {
      throw new ShapeError(
        `Tensor: ${format(shape)} from byte ${offset} on must lie in its buffer; it has ${buffer.bytes} bytes.`,
      );
    }
    this.shape = shape;
    this.buffer = buffer;
    this.offset = offset;
    this.grad = grad;
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  get byteLength(): number {
    return this.size * 4;
  }
}

/** Throws DeviceError for a tensor that was released, whose memory may be another's by now, or that another device made. */
export function requireUsable(where: string, { shape, buffer }: Tensor, device: GPUDevice): void {
  if (buffer.refs === 0) {
    throw new DeviceError(
      `${where}: tensors must not be released yet; got one ${format(shape)} that was. A step, a scope and backward release what was made in them: use it, or readLater, before they end.`,
    );
  }
  if (buffer.device !== device) {
    throw new DeviceError(
      `${where}: tensors must be of the same Gpu; got one ${format(shape)} of another. Read it there and upload it here.`,
    );
  }
}
