// Reuse of GPU buffers. A training step asks for the same sizes in the same order every time its shapes recur, so the
// pool remembers the answers per plan: the same buffers in the same order make every bind group a cache hit.

import { DeviceError } from "./errors.ts";

/** A GPU buffer as its tensors hold it. A pool's is one use of it: who gets the same memory next gets another object. */
export interface PoolBuffer {
  /** Stands in bind group keys. */
  readonly id: number;
  readonly gpu: GPUBuffer;
  readonly device: GPUDevice;
  readonly bytes: number;
  /** The pool it returns to; none for parameters and optimiser state. */
  readonly pool: BufferPool | undefined;
  /** 0 once it was released. Two where a gradient is passed on to two tensors without a copy. */
  refs: number;
  /** Not free yet, though released: what was written to it has to reach the device first. */
  held: boolean;
  /** Counts the launches and calls of `Gpu.set` that write to it. */
  writes: number;
}

/** A buffer of a pool, with its latest use. */
interface Slot {
  readonly id: number;
  readonly gpu: GPUBuffer;
  readonly bytes: number;
  use: PoolBuffer | undefined;
}

const isFree = ({ use }: Slot): boolean => use === undefined || (use.refs === 0 && !use.held);

/** Sizes are rounded up so that shapes of about the same size share buffers: steps of an eighth of a power of two. */
export function roundedBytes(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.ceil(Math.log2(Math.max(bytes, 1))) - 3));
  return Math.ceil(bytes / step) * step;
}

export class BufferPool {
  readonly device: GPUDevice;
  #usage: number;
  #label: string;
  #nextId: () => number;
  #all: Slot[] = [];
  #plans = new Map<string, Slot[]>();
  #plan: Slot[] | undefined;
  #cursor = 0;

  constructor(device: GPUDevice, label: string, usage: number, nextId: () => number) {
    this.device = device;
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
    if (planned && isFree(planned) && planned.bytes >= bytes) {
      this.#cursor++;
      return this.take(planned);
    }
    // Best fit, but not a buffer more than four times too large: it would be missed elsewhere.
    let best: Slot | undefined;
    for (const slot of this.#all) {
      const fits = isFree(slot) && slot.bytes >= bytes && slot.bytes <= 4 * bytes + 1024;
      if (fits && (!best || slot.bytes < best.bytes)) best = slot;
    }
    const slot = best ?? this.create(bytes);
    if (this.#plan) {
      this.#plan.length = this.#cursor; // a changed sequence is planned anew from here
      this.#plan.push(slot);
      this.#cursor++;
    }
    return this.take(slot);
  }

  /** Throws DeviceError for a buffer that nobody holds any more. */
  release(buffer: PoolBuffer): void {
    if (buffer.refs === 0) {
      throw new DeviceError(
        "gpu.release: a tensor must be released once; got one that was. A step, a scope and backward release what was made in them.",
      );
    }
    buffer.refs--;
  }

  releaseAll(): void {
    for (const { use } of this.#all) if (use) use.refs = 0;
  }

  private take(slot: Slot): PoolBuffer {
    const { id, gpu, bytes } = slot;
    slot.use = { id, gpu, device: this.device, bytes, pool: this, refs: 1, held: false, writes: 0 };
    return slot.use;
  }

  private create(bytes: number): Slot {
    const size = Math.min(roundedBytes(bytes), this.device.limits.maxBufferSize);
    const id = this.#nextId();
    const gpu = this.device.createBuffer({
      label: `${this.#label} ${id}`,
      size,
      usage: this.#usage,
    });
    const slot: Slot = { id, gpu, bytes: size, use: undefined };
    this.#all.push(slot);
    return slot;
  }

  /** Frees every buffer's memory. */
  destroy(): void {
    for (const { gpu } of this.#all) gpu.destroy();
    this.#all = [];
    this.#plans.clear();
  }
}
