// Results of device work are awaited one step late, so that the device never waits for the host.

import type { Gpu } from "../engine/index.ts";

/** A queue of submitted steps, kept at most `depth` deep. */
export class InFlight<T> {
  readonly #gpu: Gpu;
  readonly #depth: number;
  readonly #queue: Promise<T>[] = [];

  constructor(gpu: Gpu, depth = 1) {
    this.#gpu = gpu;
    this.#depth = depth;
  }

  /** Adds a submitted step, then waits for the oldest ones until `depth` are left. Returns their results, oldest first. */
  async push(promise: Promise<T>): Promise<T[]> {
    promise.catch(() => undefined); // handled where it is awaited, which may be after another step failed
    this.#queue.push(promise);
    return this.shorten(this.#depth);
  }

  /** Waits for everything. */
  drain(): Promise<T[]> {
    return this.shorten(0);
  }

  private async shorten(length: number): Promise<T[]> {
    const done: T[] = [];
    while (this.#queue.length > length) done.push(await this.#gpu.settle(this.#queue.shift()!));
    return done;
  }
}
