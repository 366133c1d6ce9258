// Which gradients of parameters hold a sum that the next one is added to. The others are written over: nothing has to clear
// them first, and the first of a sum is not read back, each a pass over memory as long as the parameters.

import type { PoolBuffer } from "./buffers.ts";
import type { Tensor } from "./tensor.ts";

export class Accumulation {
  /** All gradients in a flat buffer. */
  readonly #sets = new Map<PoolBuffer, readonly Tensor[]>();
  #begun = new Set<Tensor>();

  /** Makes the gradients in a buffer known, which are all to hold something once one of them does. */
  own(buffer: PoolBuffer, gradients: readonly Tensor[]): void {
    this.#sets.set(buffer, gradients);
  }

  /** Whether a gradient holds a sum already. From now on it does. */
  begin(gradient: Tensor): boolean {
    const before = this.#begun.has(gradient);
    this.#begun.add(gradient);
    return before;
  }

  /** Begins those that got nothing while others of their buffer did, and returns them: they are zero. */
  rest(): readonly Tensor[] {
    const sets = [...this.#sets.values()].filter((set) => set.some((g) => this.#begun.has(g)));
    return sets.flat().filter((gradient) => !this.begin(gradient));
  }

  /** Ends the sums in a buffer: they were used. */
  end(buffer: PoolBuffer): void {
    for (const gradient of this.#sets.get(buffer) ?? []) this.#begun.delete(gradient);
  }

  /** Ends all sums: launches were dropped that may have been part of one. */
  drop(): void {
    this.#begun.clear();
  }

  /** Returns what puts the present state back. */
  saved(): () => void {
    const begun = new Set(this.#begun);
    return () => void (this.#begun = begun);
  }

  /** For buffers that are no more. */
  forget(buffers: readonly PoolBuffer[]): void {
    for (const buffer of buffers) {
      this.end(buffer);
      this.#sets.delete(buffer);
    }
  }
}
