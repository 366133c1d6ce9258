// The GPU as the rest of the engine sees it: memory, launches, steps, late read-back.

import {
  type Constants,
  type Entries,
  type Grid,
  type Kernel,
  MAX_GRID,
  type Params,
  packParams,
} from "../kernels/kernel.ts";
import type { PoolBuffer } from "./buffers.ts";
import { type AdapterInfo, requirePrecision, watchDevice } from "./device.ts";
import { DeviceError, KernelError } from "./errors.ts";
import { Memory } from "./memory.ts";
import { PipelineCache, type PipelineRequest } from "./pipelines.ts";
import { Reads } from "./reads.ts";
import type { Precision } from "./matmul-variants.ts";
import { Profiler, type Span } from "./profile.ts";
import { format, type Shape } from "./shape.ts";
import { Submission } from "./submission.ts";
import { Tape } from "./tape.ts";
import type { Tensor } from "./tensor.ts";
import { MatmulChoice } from "./tuning.ts";
import { type ApiCalls, noCalls } from "./api-calls.ts";
import { asleep } from "./asleep.ts";

/** Why a read of a rehearsal has no value. */
class Rehearsed extends Error {}

/** An open device: tensors, steps, launches and reads. Made by `openGpu`; `close` frees all it owns. Not for two threads. */
export class Gpu {
  readonly info: AdapterInfo;
  readonly calls: ApiCalls = noCalls();
  /** Of the operands of matrix products; sums, everything between them and the parameters are f32. */
  readonly precision: Precision;
  /** Which kernel computes a product. */
  readonly matmul: MatmulChoice;
  /** Records what backward needs; off unless Tape.gradients runs. */
  readonly tape: Tape;

  #device: GPUDevice;
  #pipelines: PipelineCache;
  #memory: Memory;
  #reads: Reads;
  #submission: Submission;
  /** What a rehearsal would launch. */
  #rehearsal: PipelineRequest[] | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(device: GPUDevice, info: AdapterInfo, precision: Precision = "f32") {
    requirePrecision(device, info, precision);
    this.info = info;
    this.precision = precision;
    this.matmul = new MatmulChoice(info, precision);
    this.#device = device;
    watchDevice(device, (failure) => {
      if (!this.#closed) this.#failure ??= failure; // the next call throws it
    });
    this.#memory = new Memory(device, this.calls);
    this.#reads = new Reads(this.#memory.staging, () =>
      this.#closed ? new DeviceError("gpu: it was closed.") : this.#failure,
    );
    this.#submission = new Submission(device, this.#reads, this.calls);
    this.#pipelines = new PipelineCache(device, this.calls, () => {
      const failure = this.#failure;
      this.#failure = undefined;
      return failure;
    });
    this.tape = new Tape(this);
  }

  /** Bytes of GPU memory in the pools, without parameters. */
  get poolBytes(): number {
    return this.#memory.bytes;
  }

  /** Number of live pool buffers. */
  get poolBuffers(): number {
    return this.#memory.count;
  }

  /** Bytes of a buffer that one binding may cover. */
  get largestBinding(): number {
    return this.#device.limits.maxStorageBufferBindingSize;
  }

  /** Whether this many bytes more can be allocated now: takes them and gives them back. */
  async canAllocate(bytes: number): Promise<boolean> {
    this.check();
    return this.settle(this.#memory.canAllocate(bytes));
  }

  /** Throws the first error the GPU reported, if any. It stays: open another Gpu. */
  check(): void {
    if (this.#closed) throw new DeviceError("gpu: it was closed.");
    if (this.#failure) throw this.#failure;
  }

  /** An uninitialised f32 tensor of the pool; freed by release, by the scope or by the step it was made in. */
  empty(shape: Shape): Tensor {
    this.check();
    return this.#memory.empty(shape);
  }

  /** As `empty`, with the shape of another tensor. */
  like(tensor: Tensor): Tensor {
    return this.empty(tensor.shape);
  }

  /**
   * Copies CPU values into a new tensor that lives until the step ends or, made outside one, until it is released.
   * writeBuffer takes effect before the whole submit, so these buffers are never reused within one.
   */
  upload(values: Float32Array | Uint32Array, shape: Shape = [values.length]): Tensor {
    this.check();
    return this.#memory.upload(values, shape);
  }

  /** A zeroed buffer outside the pools, for parameters and optimiser state; `destroyPersistent` frees it. */
  persistent(label: string, bytes: number): PoolBuffer {
    this.check();
    return this.#memory.persistent(label, bytes);
  }

  /** Frees such buffers and all that knows of them; a launch on one of their tensors throws. */
  destroyPersistent(...buffers: readonly PoolBuffer[]): void {
    this.#memory.destroyPersistent(buffers);
    this.#pipelines.forget(buffers);
    this.tape.sums.forget(buffers);
  }

  /** What `make` fills from a persistent tensor, by name. The engine keeps it; `make` runs again when the tensor was written. */
  derived(of: Tensor, name: string, shape: Shape, make: (into: Tensor) => void): Tensor {
    this.check();
    return this.#memory.derived.of(of, name, shape, make);
  }

  /** Overwrites a tensor's elements. Takes effect before any launch that was not yet submitted. */
  set(tensor: Tensor, values: Float32Array | Uint32Array): void {
    this.check();
    this.#memory.set(tensor, values);
  }

  /** Gives a pool tensor back. Tensors over a persistent buffer are left alone. */
  release(tensor: Tensor): void {
    tensor.buffer.pool?.release(tensor.buffer);
  }

  /** Frees every pool tensor there is, for programs that are done with all of them. Not within a step. */
  releaseAll(): void {
    this.#memory.requireNoStep("gpu.releaseAll");
    this.submit();
    this.#memory.releaseAll();
  }

  /**
   * Runs `fn` as one step: the same `key` gets the same buffers in the same order each time, everything allocated inside
   * is freed at the end, and the work is submitted once, or in parts when it is long (`countFlops`). Read results with
   * readLater before returning. When `fn` throws, none of its work that was not yet submitted is done.
   */
  step<T>(key: string, fn: () => T): T {
    this.check();
    if (!this.#memory.stepping) this.submit(); // work of before is not this step's to lose
    return this.#memory.step(key, () => {
      try {
        const result = fn();
        if (this.#rehearsal) this.#submission.discard(new Rehearsed());
        else this.submit();
        return result;
      } catch (error) {
        this.#submission.discard(error);
        this.#memory.derived.expire();
        this.tape.sums.drop();
        throw error;
      }
    });
  }

  /**
   * Runs `fn`, whose steps launch nothing: the kernels they name are then compiled, several at a time. Reads of the
   * rehearsal are rejected, and what `fn` returns is lost; what it changes on the host is the caller's to undo.
   */
  async rehearse(
    fn: () => Promise<unknown>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<void> {
    const requests: PipelineRequest[] = (this.#rehearsal = []);
    const restore = this.tape.sums.saved();
    try {
      await fn();
    } catch (error) {
      if (!(error instanceof Rehearsed)) throw error;
    } finally {
      this.#rehearsal = undefined;
      this.#memory.derived.expire();
      restore();
    }
    await this.settle(this.#pipelines.prepare(requests, onProgress));
  }

  /** Frees all pool tensors made in `fn` but its result, unless the tape still needs them for backward. */
  scope(fn: () => Tensor): Tensor {
    return this.tape.recording ? fn() : this.#memory.scope(fn);
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
    if (this.#rehearsal) return void this.#rehearsal.push({ kernel, entry, constants });
    const pipeline = this.#pipelines.get(kernel, entry, constants);
    const group = this.#pipelines.bindGroup(pipeline, buffers);
    for (const { name, access } of pipeline.bindings) {
      if (access === "read_write") (buffers as Record<string, Tensor>)[name]!.buffer.writes++;
    }
    this.#submission.dispatch(pipeline, group, packParams(kernel.params, params), grid);
  }

  /**
   * Tells that the launches just made are this many floating point operations. Past `FLOPS_PER_SUBMIT` they go to the device
   * before the step ends, so that no submit is long enough for a system's watchdog.
   */
  countFlops(flops: number): void {
    if (!this.#rehearsal) this.#submission.count(flops);
  }

  /** Submits what was encoded, with the copies of pending reads behind it. A no-op when there is nothing. */
  submit(): void {
    this.check();
    if (!this.#submission.waiting) return;
    this.#submission.submit();
    this.#memory.submitted();
    this.check();
  }

  /** The values a tensor has when the next submit has run. Resolves some time after it; nothing waits. */
  readLater(tensor: Tensor): Promise<Float32Array> {
    this.check();
    return this.#reads.later(tensor);
  }

  /** Submits and waits for a tensor's values. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const values = this.readLater(tensor);
    this.submit();
    return this.settle(values);
  }

  /** Waits for a promise the GPU will keep, asleep. Throws what the GPU reported meanwhile. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const value = await asleep(promise);
    this.check();
    return value;
  }

  /**
   * Runs `fn` with every dispatch timed by itself, and returns the device times by kernel, longest first. Slower than a real
   * step: read the shares, not the sum. Throws DeviceError where the adapter has no timestamps.
   */
  async profile(fn: () => Promise<unknown>): Promise<Span[]> {
    const profiler = new Profiler(this.#device, this.info.name);
    this.#submission.profiler = profiler;
    try {
      await fn();
      return await profiler.collect();
    } finally {
      this.#submission.profiler = undefined;
      profiler.destroy();
    }
  }

  /** Ends the device and frees its memory. Pending reads are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#submission.discard(new DeviceError("gpu: it was closed."));
    this.#memory.destroy();
    this.#device.destroy();
  }
}
