// The GPU as the rest of the engine sees it: memory, launches, one submit per step, late read-back.
// The only caller of dispatchWorkgroups and submit.

import { setImmediate } from "node:timers/promises";
import {
  type Constants,
  type Entries,
  type Grid,
  type Kernel,
  MAX_GRID,
  type Params,
  packParams,
} from "../kernels/kernel.ts";
import { BufferPool, type PoolBuffer } from "./buffers.ts";
import { type AdapterInfo, type DeviceOptions, openDevice } from "./device.ts";
import { DeviceError, KernelError, ShapeError } from "./errors.ts";
import { PipelineCache } from "./pipelines.ts";
import { Reads } from "./reads.ts";
import { Profiler, type Span } from "./profile.ts";
import { elementCount, format, type Shape } from "./shape.ts";
import { Tape } from "./tape.ts";
import { Tensor } from "./tensor.ts";

/** Calls made to the WebGPU API so far: what a steady training step must not make is visible here. */
export interface ApiCalls {
  dispatches: number;
  submits: number;
  buffers: number;
  bindGroups: number;
  pipelines: number;
  writes: number;
}

/** Opens the preferred GPU. Throws DeviceError when no adapter works. The caller closes it. */
export async function openGpu(options: DeviceOptions = {}): Promise<Gpu> {
  const { device, info } = await openDevice(options);
  return new Gpu(device, info);
}

export class Gpu {
  readonly info: AdapterInfo;
  readonly calls: ApiCalls = {
    dispatches: 0,
    submits: 0,
    buffers: 0,
    bindGroups: 0,
    pipelines: 0,
    writes: 0,
  };
  /** Records what backward needs; off unless Tape.run is active. */
  readonly tape: Tape;

  #device: GPUDevice;
  #pipelines: PipelineCache;
  #work: BufferPool;
  #uploads: BufferPool;
  #staging: BufferPool;
  #nextId = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #reads: Reads;
  #profiler: Profiler | undefined;
  #stepping = false;
  #tracked: Tensor[] | undefined;
  #heldUploads: PoolBuffer[] = [];
  #failure: Error | undefined;
  #closed = false;
  #idle = new Int32Array(new SharedArrayBuffer(4));

  constructor(device: GPUDevice, info: AdapterInfo) {
    this.info = info;
    this.#device = device;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      // One bad binding drops a whole submit and training would go on with old values: the next call throws this.
      this.#failure ??= new DeviceError(`gpu: ${event.error.message}`);
    });
    void device.lost.then((lost) => {
      if (this.#closed) return;
      this.#failure ??= new DeviceError(
        `gpu: the device was lost (${lost.reason}): ${lost.message}. Resume from the last checkpoint.`,
      );
    });
    const id = (): number => {
      this.calls.buffers++;
      return this.#nextId++;
    };
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#work = new BufferPool(device, "work", STORAGE | COPY_SRC | COPY_DST, id);
    this.#uploads = new BufferPool(device, "upload", STORAGE | COPY_SRC | COPY_DST, id);
    this.#staging = new BufferPool(device, "staging", MAP_READ | COPY_DST, id);
    this.#reads = new Reads(this.#staging, () => this.#failure);
    this.#pipelines = new PipelineCache(device, this.calls, () => {
      const failure = this.#failure;
      this.#failure = undefined;
      return failure;
    });
    this.tape = new Tape(this);
  }

  /** Bytes of GPU memory in the pools, without parameters. */
  get poolBytes(): number {
    return this.#work.bytes + this.#uploads.bytes + this.#staging.bytes;
  }

  /** Number of live pool buffers. */
  get poolBuffers(): number {
    return this.#work.count + this.#uploads.count + this.#staging.count;
  }

  /** Bytes of a buffer that one binding may cover. */
  get largestBinding(): number {
    return this.#device.limits.maxStorageBufferBindingSize;
  }

  /** Throws the first error the GPU reported since the last call, if any. */
  check(): void {
    if (this.#closed) throw new DeviceError("gpu: it was closed.");
    if (this.#failure) throw this.#failure;
  }

  /** An uninitialised f32 tensor of the pool; freed by release, by the scope or by the step it was made in. */
  empty(shape: Shape): Tensor {
    const tensor = new Tensor(shape, this.#work.acquire(this.checkedBytes(shape)));
    this.#tracked?.push(tensor);
    return tensor;
  }

  like(tensor: Tensor): Tensor {
    return this.empty(tensor.shape);
  }

  /**
   * Copies CPU values into a new tensor that lives until the step ends, or until it is released.
   * writeBuffer takes effect before the whole submit, so these buffers are never reused within one.
   */
  upload(values: Float32Array | Uint32Array, shape: Shape = [values.length]): Tensor {
    this.check();
    if (elementCount(shape) !== values.length) {
      throw new ShapeError(
        `upload: ${format(shape)} needs ${elementCount(shape)} values; got ${values.length}.`,
      );
    }
    const buffer = this.#uploads.acquire(this.checkedBytes(shape));
    buffer.refs++; // a hold of its own until the submit
    this.#heldUploads.push(buffer);
    this.write(buffer.gpu, 0, values);
    return new Tensor(shape, buffer);
  }

  /** A zeroed buffer outside the pools, for parameters and optimiser state; the caller destroys it. */
  persistent(label: string, bytes: number): PoolBuffer {
    const { maxBufferSize } = this.#device.limits;
    if (bytes > maxBufferSize) {
      throw new DeviceError(
        `${label}: ${bytes} bytes in one buffer are needed; the adapter allows ${maxBufferSize}. Use a smaller model.`,
      );
    }
    this.calls.buffers++;
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const usage = STORAGE | COPY_SRC | COPY_DST;
    const gpu = this.#device.createBuffer({ label, size: Math.max(bytes, 4), usage });
    return { id: this.#nextId++, gpu, bytes, pool: undefined, refs: 1 };
  }

  /** Overwrites a tensor's elements. Takes effect before any launch that was not yet submitted. */
  set(tensor: Tensor, values: Float32Array | Uint32Array): void {
    if (values.length !== tensor.size) {
      throw new ShapeError(
        `set: ${format(tensor.shape)} needs ${tensor.size} values; got ${values.length}.`,
      );
    }
    this.write(tensor.buffer.gpu, tensor.offset, values);
  }

  /** Gives a pool tensor back. Tensors over a persistent buffer are left alone. */
  release(tensor: Tensor): void {
    tensor.buffer.pool?.release(tensor.buffer);
  }

  /** Frees every pool tensor there is, for programs that are done with all of them. Not within a step. */
  releaseAll(): void {
    if (this.#stepping)
      throw new DeviceError("gpu.releaseAll: not within a step, which frees its own.");
    this.submit();
    for (const pool of [this.#work, this.#uploads]) pool.releaseAll();
  }

  /**
   * Runs `fn` as one step: the same `key` gets the same buffers in the same order each time, everything allocated inside
   * is freed at the end, and the work is submitted once. Read results with readLater before returning. When `fn` throws,
   * none of its work is done.
   */
  step<T>(key: string, fn: () => T): T {
    this.check();
    if (this.#stepping) throw new DeviceError("gpu.step: steps do not nest; finish the outer one.");
    this.submit(); // work of before is not this step's to lose
    this.#stepping = true;
    this.#tracked = [];
    this.#work.begin(key);
    this.#uploads.begin(key);
    try {
      const result = fn();
      this.submit();
      return result;
    } catch (error) {
      this.discard(error);
      throw error;
    } finally {
      for (const tensor of this.#tracked) tensor.buffer.refs = 0;
      for (const buffer of this.#heldUploads) buffer.refs = 0;
      this.#stepping = false;
      this.#tracked = undefined;
      this.#heldUploads = [];
      this.#work.end();
      this.#uploads.end();
    }
  }

  /** Frees all pool tensors made in `fn` but its result, unless the tape still needs them for backward. */
  scope(fn: () => Tensor): Tensor {
    if (this.tape.recording) return fn();
    const outer = this.#tracked;
    const inner: Tensor[] = [];
    this.#tracked = inner;
    try {
      const kept = fn();
      for (const tensor of inner) {
        if (tensor.buffer !== kept.buffer && tensor.buffer.refs > 0) this.release(tensor);
      }
      outer?.push(kept);
      return kept;
    } catch (error) {
      outer?.push(...inner);
      throw error;
    } finally {
      this.#tracked = outer;
    }
  }

  /**
   * Encodes one dispatch of `kernel/entry`. Buffers are bound by the names of the WGSL variables; `constants` choose the
   * specialisation. Nothing runs before submit.
   */
  launch<P extends Params, E extends Entries, N extends keyof E & string>(
    kernel: Kernel<P, E>,
    entry: N,
    buffers: Readonly<Record<E[N][number], Tensor>>,
    params: Readonly<Record<keyof P, number>>,
    grid: Grid,
    constants: Constants = {},
  ): void {
    this.check();
    if (grid.some((count) => count > MAX_GRID)) {
      throw new KernelError(
        `${kernel.name}/${entry}: at most ${MAX_GRID} workgroups per dimension; got ${format(grid)}.`,
      );
    }
    const pipeline = this.#pipelines.get(kernel, entry, constants);
    const group = this.#pipelines.bindGroup(pipeline, buffers);
    this.#encoder ??= this.#device.createCommandEncoder({ label: "step" });
    if (this.#profiler) {
      this.#pass?.end();
      this.#pass = this.#encoder.beginComputePass(this.#profiler.pass(`${kernel.name}/${entry}`));
    }
    const pass = (this.#pass ??= this.#encoder.beginComputePass({ label: "step" }));
    pass.setPipeline(pipeline.gpu);
    pass.setBindGroup(0, group);
    pass.setImmediates(0, packParams(kernel.params, params));
    pass.dispatchWorkgroups(...grid);
    this.calls.dispatches++;
  }

  /** Submits what was encoded, with the copies of pending reads behind it. A no-op when there is nothing. */
  submit(): void {
    this.check();
    if (!this.#pass && !this.#reads.waiting) return;
    const encoder = (this.#encoder ??= this.#device.createCommandEncoder({ label: "read" }));
    this.#pass?.end();
    const submitted = this.#reads.encode(encoder);
    this.#device.queue.submit([encoder.finish()]);
    this.calls.submits++;
    this.#encoder = undefined;
    this.#pass = undefined;
    submitted();
    if (!this.#stepping) this.releaseUploads();
    this.check();
  }

  /** The values a tensor has when the next submit has run. Resolves some time after it; nothing waits. */
  readLater(tensor: Tensor): Promise<Float32Array> {
    return this.#reads.later(tensor);
  }

  /** Submits and waits for a tensor's values. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const values = this.readLater(tensor);
    this.submit();
    return this.settle(values);
  }

  /**
   * Waits for a promise the GPU will keep. A plain await makes Dawn poll from the event loop and takes a whole core, which a
   * software adapter needs itself: so the thread sleeps, and gives the event loop one turn a millisecond.
   */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const state = { waiting: true };
    const stop = (): void => {
      state.waiting = false;
    };
    promise.then(stop, stop);
    await setImmediate();
    while (state.waiting) {
      Atomics.wait(this.#idle, 0, 0, 1);
      await setImmediate();
    }
    const value = await promise;
    this.check();
    return value;
  }

  /**
   * Runs `fn` with every dispatch timed by itself, and returns the device times by kernel, longest first. Slower than a real
   * step: read the shares, not the sum. Throws DeviceError where the adapter has no timestamps.
   */
  async profile(fn: () => Promise<unknown>): Promise<Span[]> {
    if (!this.#device.features.has("timestamp-query")) {
      throw new DeviceError(
        `gpu.profile: the adapter must offer timestamp-query; ${this.info.name} does not.`,
      );
    }
    const profiler = (this.#profiler = new Profiler(this.#device));
    try {
      await fn();
      return await profiler.collect();
    } finally {
      this.#profiler = undefined;
      profiler.destroy();
    }
  }

  /** Ends the device and frees its memory. Pending reads are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.discard(new DeviceError("gpu: it was closed."));
    this.#work.destroy();
    this.#uploads.destroy();
    this.#staging.destroy();
    this.#device.destroy();
  }

  /** Drops what was encoded and not submitted. */
  private discard(error: unknown): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#encoder = undefined;
    this.#reads.discard(error);
  }

  /** Ends the hold on uploads whose submit has been made. */
  private releaseUploads(): void {
    for (const buffer of this.#heldUploads) this.#uploads.release(buffer);
    this.#heldUploads = [];
  }

  private write(buffer: GPUBuffer, offset: number, values: Float32Array | Uint32Array): void {
    // Pieces of 4 MiB: Dawn stages larger writes in a buffer of their own.
    const piece = 1 << 20;
    for (let at = 0; at < values.length; at += piece) {
      const part = values.subarray(at, at + piece) as Float32Array<ArrayBuffer>;
      this.#device.queue.writeBuffer(buffer, offset + at * 4, part);
      this.calls.writes++;
    }
  }

  private checkedBytes(shape: Shape): number {
    const bytes = elementCount(shape) * 4;
    const limit = this.largestBinding;
    if (!(bytes > 0)) throw new ShapeError(`gpu: a tensor needs elements; got ${format(shape)}.`);
    if (bytes > limit) {
      throw new DeviceError(
        `gpu: a tensor ${format(shape)} takes ${bytes} bytes; the adapter binds at most ${limit}. Use a smaller batch or length.`,
      );
    }
    return bytes;
  }
}
