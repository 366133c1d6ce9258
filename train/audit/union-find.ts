// Which items hang together, directly or through others.

/** Disjoint sets of the numbers 0 to count - 1 (Tarjan 1975, path halving); the smallest number of a set names it. */
export class UnionFind {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, i) => i);
  }

  /** The smallest number of the set `i` is in. */
  find(i: number): number {
    const parents = this.#parents;
    let at = i;
    for (let parent = parents[at] ?? at; parent !== at; parent = parents[at] ?? at) {
      parents[at] = parents[parent] ?? parent;
      at = parents[at] ?? at;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    this.#parents[Math.max(x, y)] = Math.min(x, y);
  }
}
