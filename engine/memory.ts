// Who owns which GPU buffer: the pools, what a step or scope has taken from them, and the buffers outside.

import { BufferPool, type PoolBuffer } from "./buffers.ts";
import { DeviceError, ShapeError } from "./errors.ts";
import type { ApiCalls } from "./api-calls.ts";
import { Derived } from "./derived.ts";
import { elementCount, format, type Shape } from "./shape.ts";
import { requireUsable, Tensor } from "./tensor.ts";

type Values = Float32Array | Uint32Array;

/** Throws ShapeError for arrays of other elements, whose bytes would be taken for these. */
function requireWords(where: string, values: unknown): void {
  if (values instanceof Float32Array || values instanceof Uint32Array) return;
  const kind = Object.prototype.toString.call(values).slice(8, -1);
  throw new ShapeError(`${where}: values must be a Float32Array or a Uint32Array; got ${kind}.`);
}

export class Memory {
  /** Mappable buffers for reading back. */
  readonly staging: BufferPool;
  /** Its pool is apart: what lives from step to step has no place in a step's plan. */
  readonly derived: Derived;
  readonly #device: GPUDevice;
  readonly #calls: ApiCalls;
  readonly #work: BufferPool;
  readonly #uploads: BufferPool;
  readonly #nextId: () => number;
  /** Tensors of the innermost step or scope. */
  #tracked: Tensor[] | undefined;
  #heldUploads: PoolBuffer[] = [];
  #stepping = false;

  constructor(device: GPUDevice, calls: ApiCalls) {
    this.#device = device;
    this.#calls = calls;
    let id = 0;
    this.#nextId = () => {
      calls.buffers++;
      return id++;
    };
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const usage = STORAGE | COPY_SRC | COPY_DST;
    this.#work = new BufferPool(device, "work", usage, this.#nextId);
    this.#uploads = new BufferPool(device, "upload", usage, this.#nextId);
    this.derived = new Derived(new BufferPool(device, "derived", usage, this.#nextId));
    this.staging = new BufferPool(device, "staging", MAP_READ | COPY_DST, this.#nextId);
  }

  /** Of all pools, in use or free. */
  get bytes(): number {
    return this.pools.reduce((sum, pool) => sum + pool.bytes, 0);
  }

  get count(): number {
    return this.pools.reduce((sum, pool) => sum + pool.count, 0);
  }

  get stepping(): boolean {
    return this.#stepping;
  }

  /** Throws DeviceError within a step, which frees its own. */
  requireNoStep(where: string): void {
    if (this.#stepping) throw new DeviceError(`${where}: not within a step, which frees its own.`);
  }

  empty(shape: Shape): Tensor {
    const tensor = new Tensor(shape, this.#work.acquire(this.checkedBytes(shape)));
    this.#tracked?.push(tensor);
    return tensor;
  }

  /** Whether this many bytes more can be allocated: takes them and gives them back. */
  async canAllocate(bytes: number): Promise<boolean> {
    // Some drivers refuse one block of several GiB that they would give in pieces.
    const largest = Math.min(1 << 30, Math.floor(this.#device.limits.maxBufferSize / 4) * 4);
    const taken: GPUBuffer[] = [];
    this.#device.pushErrorScope("out-of-memory");
    for (let left = bytes; left > 0; left -= largest) {
      const size = Math.min(Math.ceil(left / 4) * 4, largest);
      taken.push(this.#device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }));
    }
    const error = await this.#device.popErrorScope();
    for (const buffer of taken) buffer.destroy();
    // Dawn frees a destroyed buffer's memory when a later submit is done; who asked is about to allocate.
    this.#device.queue.submit([]);
    await this.#device.queue.onSubmittedWorkDone();
    return error === null;
  }

  upload(values: Values, shape: Shape): Tensor {
    requireWords("upload", values);
    if (elementCount(shape) !== values.length) {
      throw new ShapeError(
        `upload: ${format(shape)} needs ${elementCount(shape)} values; got ${values.length}.`,
      );
    }
    const buffer = this.#uploads.acquire(this.checkedBytes(shape));
    buffer.held = true; // until the submit: a write takes effect before everything in it
    this.#heldUploads.push(buffer);
    this.write(buffer.gpu, 0, values);
    const tensor = new Tensor(shape, buffer);
    this.#tracked?.push(tensor);
    return tensor;
  }

  persistent(label: string, bytes: number): PoolBuffer {
    const { maxBufferSize } = this.#device.limits;
    if (bytes > maxBufferSize) {
      throw new DeviceError(
        `${label}: ${bytes} bytes in one buffer are needed; the adapter allows ${maxBufferSize}. Use a smaller model.`,
      );
    }
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const usage = STORAGE | COPY_SRC | COPY_DST;
    const gpu = this.#device.createBuffer({ label, size: Math.max(bytes, 4), usage });
    return {
      id: this.#nextId(),
      gpu,
      device: this.#device,
      bytes,
      pool: undefined,
      refs: 1,
      held: false,
      writes: 0,
    };
  }

  destroyPersistent(buffers: readonly PoolBuffer[]): void {
    for (const buffer of buffers) {
      buffer.refs = 0;
      buffer.gpu.destroy();
    }
    this.derived.forget(buffers);
  }

  set(tensor: Tensor, values: Values): void {
    requireWords("set", values);
    if (values.length !== tensor.size) {
      throw new ShapeError(
        `set: ${format(tensor.shape)} needs ${tensor.size} values; got ${values.length}.`,
      );
    }
    requireUsable("gpu.set", tensor, this.#device);
    tensor.buffer.writes++;
    this.write(tensor.buffer.gpu, tensor.offset, values);
  }

  /** To be called after each submit: uploads that were released are free again. */
  submitted(): void {
    if (this.#stepping) return;
    for (const buffer of this.#heldUploads) buffer.held = false;
    this.#heldUploads = [];
  }

  releaseAll(): void {
    for (const pool of [this.#work, this.#uploads]) pool.releaseAll();
  }

  /** Runs `fn` with the buffer plan of `key`, and takes everything back at the end. */
  step<T>(key: string, fn: () => T): T {
    if (this.#stepping) throw new DeviceError("gpu.step: steps do not nest; finish the outer one.");
    this.#stepping = true;
    this.#tracked = [];
    this.#work.begin(key);
    this.#uploads.begin(key);
    try {
      return fn();
    } finally {
      for (const tensor of this.#tracked) tensor.buffer.refs = 0;
      this.#stepping = false;
      this.#tracked = undefined;
      this.submitted();
      this.#work.end();
      this.#uploads.end();
    }
  }

  /** Runs `fn` and takes back all it made but its result. */
  scope(fn: () => Tensor): Tensor {
    const outer = this.#tracked;
    const inner: Tensor[] = [];
    this.#tracked = inner;
    try {
      const kept = fn();
      for (const { buffer } of inner) {
        if (buffer !== kept.buffer && buffer.refs > 0) buffer.pool?.release(buffer);
      }
      if (inner.some(({ buffer }) => buffer === kept.buffer)) outer?.push(kept);
      return kept;
    } catch (error) {
      outer?.push(...inner);
      throw error;
    } finally {
      this.#tracked = outer;
    }
  }

  destroy(): void {
    for (const pool of this.pools) pool.destroy();
  }

  private get pools(): readonly BufferPool[] {
    return [this.#work, this.#uploads, this.derived.pool, this.staging];
  }

  private write(buffer: GPUBuffer, offset: number, values: Values): void {
    // Pieces of 4 MiB: Dawn stages larger writes in a buffer of their own.
    const piece = 1 << 20;
    for (let at = 0; at < values.length; at += piece) {
      const part = values.subarray(at, at + piece) as Float32Array<ArrayBuffer>;
      this.#device.queue.writeBuffer(buffer, offset + at * 4, part);
      this.#calls.writes++;
    }
  }

  private checkedBytes(shape: Shape): number {
    const bytes = elementCount(shape) * 4;
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    if (!shape.every((size) => Number.isInteger(size) && size > 0)) {
      throw new ShapeError(`gpu: a tensor needs elements; got ${format(shape)}.`);
    }
    if (bytes > limit) {
      throw new DeviceError(
        `gpu: a tensor ${format(shape)} takes ${bytes} bytes; the adapter binds at most ${limit}. Use a smaller batch or length.`,
      );
    }
    return bytes;
  }
}
