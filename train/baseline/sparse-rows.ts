// A matrix of which few elements are not 0, row by row.

import { grown } from "../grown.ts";

export class SparseRows {
  #starts = new Uint32Array(64);
  #columns = new Uint32Array(1024);
  #values = new Float32Array(1024);
  #count = 0;

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** Elements that are not 0. */
  get elements(): number {
    return this.#starts[this.#count]!;
  }

  /** Adds a row; values[i] stands in columns[i]. */
  push(columns: ArrayLike<number>, values: ArrayLike<number>): void {
    const from = this.elements;
    const to = from + columns.length;
    while (to > this.#columns.length) {
      this.#columns = grown(this.#columns);
      this.#values = grown(this.#values);
    }
    this.#columns.set(columns, from);
    this.#values.set(values, from);
    this.#count++;
    if (this.#count === this.#starts.length) {
      this.#starts = grown(this.#starts);
    }
    this.#starts[this.#count] = to;
  }

  /** y = rows times weights. weights: [columns, K], y: [count, K]. */
  multiply(weights: Float64Array, K: number, y: Float64Array): void {
    const [starts, columns, values] = [this.#starts, this.#columns, this.#values];
    for (let row = 0; row < this.#count; row++) {
      const from = starts[row]!;
      const end = starts[row + 1]!;
      for (let k = 0; k < K; k++) {
        let sum = 0;
        for (let i = from; i < end; i++) sum += values[i]! * weights[columns[i]! * K + k]!;
        y[row * K + k] = sum;
      }
    }
  }

  /** into += transposed rows times dy. dy: [count, K], into: [columns, K]. */
  addTransposed(dy: Float64Array, K: number, into: Float64Array): void {
    const [starts, columns, values] = [this.#starts, this.#columns, this.#values];
    for (let row = 0; row < this.#count; row++) {
      const from = starts[row]!;
      const end = starts[row + 1]!;
      for (let k = 0; k < K; k++) {
        const d = dy[row * K + k]!;
        for (let i = from; i < end; i++) into[columns[i]! * K + k]! += values[i]! * d;
      }
    }
  }
}
