// Reading results late: a copy to a staging buffer at the end of a submit, mapped when the device gets there.

import { type BufferPool, type PoolBuffer } from "./buffers.ts";
import { DeviceError } from "./errors.ts";
import { requireUsable, type Tensor } from "./tensor.ts";

interface Pending {
  readonly from: Tensor;
  readonly staging: PoolBuffer;
  readonly resolve: (values: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

const letGo = ({ buffer }: Tensor): void => {
  if (buffer.refs > 0) buffer.refs--; // 0 after releaseAll
};

export class Reads {
  readonly #staging: BufferPool;
  readonly #failure: () => Error | undefined;
  #pending: Pending[] = [];

  /** `staging` gives mappable buffers; `failure` is what the device reported, for reads that fail with it. */
  constructor(staging: BufferPool, failure: () => Error | undefined) {
    this.#staging = staging;
    this.#failure = failure;
  }

  get waiting(): boolean {
    return this.#pending.length > 0;
  }

  /** The values `from` has when the submit under way has run. */
  later(from: Tensor): Promise<Float32Array> {
    requireUsable("gpu.readLater", from, this.#staging.device);
    const staging = this.#staging.acquire(from.byteLength);
    from.buffer.refs++; // until it is copied, whoever else releases it
    const values = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.push({ from, staging, resolve, reject });
    });
    // A failed submit throws at once; nobody may be left to await this then.
    values.catch(() => undefined);
    return values;
  }

  /** Encodes the copies, behind the pass. Call the returned function once they are submitted. */
  encode(encoder: GPUCommandEncoder): () => void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { from, staging } of pending) {
      encoder.copyBufferToBuffer(from.buffer.gpu, from.offset, staging.gpu, 0, from.byteLength);
    }
    return () => {
      for (const read of pending) {
        letGo(read.from);
        void this.finish(read);
      }
    };
  }

  /** Rejects reads that were asked for and not submitted. */
  discard(error: unknown): void {
    for (const { from, staging, reject } of this.#pending) {
      letGo(from);
      this.#staging.release(staging);
      reject(error);
    }
    this.#pending = [];
  }

  private async finish({ from, staging, resolve, reject }: Pending): Promise<void> {
    try {
      await staging.gpu.mapAsync(GPUMapMode.READ, 0, from.byteLength);
      const values = new Float32Array(staging.gpu.getMappedRange(0, from.byteLength).slice(0));
      staging.gpu.unmap();
      this.#staging.release(staging);
      resolve(values);
    } catch (cause) {
      const failed = new DeviceError(`gpu: reading back failed: ${String(cause)}`, { cause });
      reject(this.#failure() ?? failed);
    }
  }
}
