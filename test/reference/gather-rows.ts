// y[b] = x[rows[b]]; backward adds dy[b] to row rows[b] and leaves the others 0.

/** x: [R, C]; returns [rows.length, C]. */
export function gatherRows(x: Float64Array, rows: Uint32Array, C: number): Float64Array {
  const y = new Float64Array(rows.length * C);
  rows.forEach((row, b) => y.set(x.subarray(row * C, (row + 1) * C), b * C));
  return y;
}

/** Returns dx: [R, C]. */
export function gatherRowsBackward(
  dy: Float64Array,
  rows: Uint32Array,
  R: number,
  C: number,
): Float64Array {
  const dx = new Float64Array(R * C);
  rows.forEach((row, b) => {
    for (let c = 0; c < C; c++) dx[row * C + c]! += dy[b * C + c]!;
  });
  return dx;
}
