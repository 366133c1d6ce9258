// y[r] = sum over s of the row of `table` that starts at element index[s R + r].
// Backward adds dy[r] to each of those rows, except rows that are frozen (torch.nn.Embedding's padding_idx).

/** table: flat; index: [S, R]; returns [R, C]. */
export function embedding(
  table: Float64Array,
  index: Uint32Array,
  R: number,
  C: number,
): Float64Array {
  const y = new Float64Array(R * C);
  index.forEach((start, i) => {
    for (let c = 0; c < C; c++) y[(i % R) * C + c]! += table[start + c]!;
  });
  return y;
}

/** Returns the gradient of the table, `size` elements. */
export function embeddingBackward(
  dy: Float64Array,
  index: Uint32Array,
  size: number,
  C: number,
  frozen: ReadonlySet<number> = new Set(),
): Float64Array {
  const R = dy.length / C;
  const dtable = new Float64Array(size);
  index.forEach((start, i) => {
    if (frozen.has(start)) return;
    for (let c = 0; c < C; c++) dtable[start + c]! += dy[(i % R) * C + c]!;
  });
  return dtable;
}
