// What is encoded and not submitted yet. The only caller of dispatchWorkgroups, and of submit but for the profiler.

import type { Grid } from "../kernels/kernel.ts";
import type { ApiCalls } from "./api-calls.ts";
import type { Pipeline } from "./pipelines.ts";
import type { Profiler } from "./profile.ts";
import type { Reads } from "./reads.ts";

/**
 * Floating point operations of one submit, about. A system's watchdog resets the GPU when one submit runs too long, on
 * Windows 2 s (TdrDelay in Microsoft's documentation of WDDM): this many take a GPU of 0.1 TFLOP/s half of that. A fast one
 * does them in about 2 ms, long against what a submit costs.
 */
export const FLOPS_PER_SUBMIT = 1e11;

export class Submission {
  /** Times each dispatch in a pass of its own while it is set. */
  profiler: Profiler | undefined;
  readonly #device: GPUDevice;
  readonly #reads: Reads;
  readonly #calls: ApiCalls;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #flops = 0;

  constructor(device: GPUDevice, reads: Reads, calls: ApiCalls) {
    this.#device = device;
    this.#reads = reads;
    this.#calls = calls;
  }

  /** Whether a submit has anything to do. */
  get waiting(): boolean {
    return this.#pass !== undefined || this.#reads.waiting;
  }

  dispatch(
    { label, gpu }: Pipeline,
    group: GPUBindGroup,
    immediates: Uint32Array<ArrayBuffer>,
    grid: Grid,
  ): void {
    const encoder = (this.#encoder ??= this.#device.createCommandEncoder({ label: "step" }));
    if (this.profiler) {
      this.#pass?.end();
      this.#pass = encoder.beginComputePass(this.profiler.pass(label));
    }
    const pass = (this.#pass ??= encoder.beginComputePass({ label: "step" }));
    pass.setPipeline(gpu);
    pass.setBindGroup(0, group);
    pass.setImmediates(0, immediates);
    pass.dispatchWorkgroups(...grid);
    this.#calls.dispatches++;
  }

  /** Adds to the work that is encoded; submits it, without the reads, when it is enough for one submit. */
  count(flops: number): void {
    if (!this.#pass) return;
    this.#flops += flops;
    if (this.#flops < FLOPS_PER_SUBMIT) return;
    this.#pass.end();
    this.send(this.#encoder!);
  }

  /** Submits what was encoded, with the copies of pending reads behind it. */
  submit(): void {
    const encoder = (this.#encoder ??= this.#device.createCommandEncoder({ label: "read" }));
    this.#pass?.end();
    const submitted = this.#reads.encode(encoder);
    this.send(encoder);
    submitted();
  }

  /** Drops what was encoded and not submitted. */
  discard(error: unknown): void {
    this.#pass?.end();
    this.forget();
    this.#reads.discard(error);
  }

  private send(encoder: GPUCommandEncoder): void {
    this.#device.queue.submit([encoder.finish()]);
    this.#calls.submits++;
    this.forget();
  }

  private forget(): void {
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#flops = 0;
  }
}
