// All parameters of a model in one flat buffer, their gradients in a second: one AdamW dispatch updates everything.

import { DeviceError, ShapeError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import { elementCount, expectShape, format, type Shape } from "./shape.ts";
import { BINDING_ALIGNMENT, Tensor } from "./tensor.ts";

/** One tensor a checkpoint knows by name. */
export interface ParameterPart {
  readonly name: string;
  readonly shape: Shape;
}

/** A tensor the kernels use: one part, or several that lie back to back and are used as one (query, key and value). */
export interface ParameterSpec {
  readonly shape: Shape;
  readonly parts: readonly ParameterPart[];
  /** Whether weight decay applies. */
  readonly decay: boolean;
}

/** Elements a tensor's start is a multiple of. */
const ALIGNMENT = BINDING_ALIGNMENT / 4;

interface Place {
  readonly part: ParameterPart;
  /** Element offset in the flat buffers. */
  readonly at: number;
}

/** A model's parameters and their gradients, each in one flat buffer, so that one launch updates all. Owns both buffers. */
export class ParameterSet {
  /** Elements of the flat buffers, gaps included; gaps stay zero. */
  readonly size: number;
  /** Elements before this one decay, those after do not. */
  readonly decayed: number;
  /** Flat f32 [size]. */
  readonly values: Tensor;
  /** As `values`; what `adamw` has used stays in it until the next Tape.gradients. */
  readonly gradients: Tensor;
  #gpu: Gpu;
  #tensors = new Map<string, Tensor>();
  #places = new Map<string, Place>();

  /** `specs` by the key the model uses. Owns two buffers of 4 bytes a parameter each, zeroed; destroy() frees them. */
  constructor(gpu: Gpu, specs: Readonly<Record<string, ParameterSpec>>) {
    this.#gpu = gpu;
    const entries = Object.entries(specs);
    const ordered = [
      ...entries.filter(([, spec]) => spec.decay),
      ...entries.filter(([, spec]) => !spec.decay),
    ];
    let end = 0;
    let decayed = 0;
    const starts = new Map<string, number>();
    for (const [key, { shape, parts, decay }] of ordered) {
      starts.set(key, end);
      let at = end;
      for (const part of parts) {
        if (this.#places.has(part.name)) {
          throw new ShapeError(`parameters: names must differ; got ${part.name} twice.`);
        }
        this.#places.set(part.name, { part, at });
        at += elementCount(part.shape);
      }
      if (elementCount(shape) * 4 > gpu.largestBinding) {
        throw new DeviceError(
          `parameters: ${key} ${format(shape)} takes ${elementCount(shape) * 4} bytes; the adapter ${gpu.info.name} binds at most ${gpu.largestBinding}. Use a smaller model or another adapter.`,
        );
      }
      if (at - end !== elementCount(shape)) {
        throw new ShapeError(
          `parameters: the parts of ${key} must fill its shape ${format(shape)}; got ${at - end} elements.`,
        );
      }
      end = Math.ceil(at / ALIGNMENT) * ALIGNMENT;
      if (decay) decayed = end;
    }
    this.size = end;
    this.decayed = decayed;
    const values = gpu.persistent("parameters", end * 4);
    const gradients = gpu.persistent("gradients", end * 4);
    this.values = new Tensor([end], values);
    this.gradients = new Tensor([end], gradients);
    const grads = ordered.map(([key, { shape }]) => {
      const offset = starts.get(key)! * 4;
      const grad = new Tensor(shape, gradients, offset);
      this.#tensors.set(key, new Tensor(shape, values, offset, grad));
      return grad;
    });
    gpu.tape.sums.own(gradients, grads);
  }

  /** Number of trained values, without gaps. */
  get count(): number {
    return this.parts.reduce((sum, part) => sum + elementCount(part.shape), 0);
  }

  /** Every named part, in the order of the buffer. */
  get parts(): readonly ParameterPart[] {
    return [...this.#places.values()].map((place) => place.part);
  }

  /** The tensor of a key of the constructor's specs. */
  tensor(key: string): Tensor {
    const tensor = this.#tensors.get(key);
    if (!tensor)
      throw new ShapeError(
        `parameters: a tensor's key must be one of ${[...this.#tensors.keys()].join(", ")}; got "${key}".`,
      );
    return tensor;
  }

  /** Overwrites one part. Throws ShapeError for an unknown name or another shape. */
  set(name: string, shape: Shape, values: Float32Array): void {
    const { part, at } = this.place(name);
    expectShape(`parameters: ${name}`, shape, part.shape);
    this.#gpu.set(new Tensor(part.shape, this.values.buffer, at * 4), values);
  }

  /** Cuts a flat array, as read from `values` or `gradients`, into named parts that share its memory. */
  split(flat: Float32Array): Map<string, { shape: Shape; data: Float32Array }> {
    return new Map(
      [...this.#places.values()].map(({ part: { name, shape }, at }) => [
        name,
        { shape, data: flat.subarray(at, at + elementCount(shape)) },
      ]),
    );
  }

  /** Copies all values to the CPU. Submits. */
  async read(): Promise<Map<string, { shape: Shape; data: Float32Array }>> {
    return this.split(await this.#gpu.read(this.values));
  }

  /** Frees both buffers. */
  destroy(): void {
    this.#gpu.destroyPersistent(this.values.buffer, this.gradients.buffer);
  }

  private place(name: string): Place {
    const place = this.#places.get(name);
    if (!place)
      throw new ShapeError(
        `parameters: a part's name must be one that the set was made with; got "${name}".`,
      );
    return place;
  }
}
