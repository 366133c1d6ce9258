// Reuse of GPU buffers. A training step asks for the same sizes in the same order every time its shapes recur, so the
// pool remembers the answers per plan: the same buffers in the same order make every bind group a cache hit.

import { invariant } from "./errors.ts";

/** A GPU buffer with a number for bind group keys and a count of the tensors that share it. */
export interface PoolBuffer {
  readonly id: number;
  readonly gpu: GPUBuffer;
  readonly bytes: number;
  /** The pool it returns to; none for parameters and optimiser state. */
  readonly pool: BufferPool | undefined;
  /** 0 when free. Two where a gradient is passed on to two tensors without a copy. */
  refs: number;
}

/** Sizes are rounded up so that shapes of about the same size share buffers: steps of an eighth of a power of two. */
export function roundedBytes(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.ceil(Math.log2(Math.max(bytes, 1))) - 3));
  return Math.ceil(bytes / step) * step;
}

export class BufferPool {
  #device: GPUDevice;
  #usage: number;
  #label: string;
  #nextId: () => number;
  #all: PoolBuffer[] = [];
  #plans = new Map<string, PoolBuffer[]>();
  #plan: PoolBuffer[] | undefined;
  #cursor = 0;

  constructor(device: GPUDevice, label: string, usage: number, nextId: () => number) {
    this.#device = device;
    this.#label = label;
    this.#usage = usage;
    this.#nextId = nextId;
  }

  /** Bytes of all buffers, in use or free. */
  get bytes(): number {
    return this.#all.reduce((sum, buffer) => sum + buffer.bytes, 0);
  }

  get count(): number {
    return this.#all.length;
  }

  /** Starts a plan: from here the n-th request gets the buffer the n-th request got when this key ran first. */
  begin(key: string): void {
    let plan = this.#plans.get(key);
    if (!plan) this.#plans.set(key, (plan = []));
    this.#plan = plan;
    this.#cursor = 0;
  }

  end(): void {
    this.#plan = undefined;
  }

  acquire(bytes: number): PoolBuffer {
    const planned = this.#plan?.[this.#cursor];
    if (planned && planned.refs === 0 && planned.bytes >= bytes) {
      this.#cursor++;
      planned.refs = 1;
      return planned;
    }
    // Best fit, but not a buffer more than four times too large: it would be missed elsewhere.
    let best: PoolBuffer | undefined;
    for (const buffer of this.#all) {
      const fits = buffer.refs === 0 && buffer.bytes >= bytes && buffer.bytes <= 4 * bytes + 1024;
      if (fits && (!best || buffer.bytes < best.bytes)) best = buffer;
    }
    const buffer = best ?? this.create(bytes);
    buffer.refs = 1;
    if (this.#plan) {
      this.#plan.length = this.#cursor; // a changed sequence is planned anew from here
      this.#plan.push(buffer);
      this.#cursor++;
    }
    return buffer;
  }

  release(buffer: PoolBuffer): void {
    invariant(buffer.refs > 0, () => `buffers: ${this.#label} ${buffer.id} released twice`);
    buffer.refs--;
  }

  releaseAll(): void {
    for (const buffer of this.#all) buffer.refs = 0;
  }

  private create(bytes: number): PoolBuffer {
    const size = roundedBytes(bytes);
    const id = this.#nextId();
    const gpu = this.#device.createBuffer({
      label: `${this.#label} ${id}`,
      size,
      usage: this.#usage,
    });
    const buffer = { id, gpu, bytes: size, pool: this, refs: 0 };
    this.#all.push(buffer);
    return buffer;
  }

  /** Frees every buffer's memory. */
  destroy(): void {
    for (const buffer of this.#all) buffer.gpu.destroy();
    this.#all = [];
    this.#plans.clear();
  }
}
