// What is computed of a parameter's values alone and used again and again, kept until the parameter is written: shared layers
// use one weight many times a step, and predictions use all of them batch after batch.

import type { BufferPool, PoolBuffer } from "./buffers.ts";
import { elementCount, format, type Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

interface Kept {
  readonly tensor: Tensor;
  /** How often the parameter's buffer had been written when it was made; undefined when it has to be made anew. */
  madeAt: number | undefined;
}

export class Derived {
  readonly pool: BufferPool;
  readonly #kept = new Map<PoolBuffer, Map<string, Kept>>();

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /**
   * The tensor of `shape` that `make` fills from a parameter, which it is not asked to do while the parameter stays as it is.
   * `name` tells what `make` computes.
   */
  of(
    { buffer, offset, shape: from }: Tensor,
    name: string,
    shape: Shape,
    make: (into: Tensor) => void,
  ): Tensor {
    let ofBuffer = this.#kept.get(buffer);
    if (!ofBuffer) this.#kept.set(buffer, (ofBuffer = new Map()));
    const key = `${name} ${offset} ${format(from)} ${format(shape)}`;
    let kept = ofBuffer.get(key);
    if (!kept) {
      const tensor = new Tensor(shape, this.pool.acquire(4 * elementCount(shape)));
      ofBuffer.set(key, (kept = { tensor, madeAt: undefined }));
    }
    if (kept.madeAt !== buffer.writes) {
      make(kept.tensor);
      kept.madeAt = buffer.writes;
    }
    return kept.tensor;
  }

  /** Has everything made anew when it is asked for: launches were dropped, and this may have come from one of them. */
  expire(): void {
    for (const ofBuffer of this.#kept.values()) {
      for (const kept of ofBuffer.values()) kept.madeAt = undefined;
    }
  }

  /** Gives back what was computed of buffers that are no more. */
  forget(buffers: readonly PoolBuffer[]): void {
    for (const buffer of buffers) {
      for (const { tensor } of this.#kept.get(buffer)?.values() ?? []) {
        this.pool.release(tensor.buffer);
      }
      this.#kept.delete(buffer);
    }
  }
}
