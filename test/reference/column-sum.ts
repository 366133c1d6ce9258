// y[c] = sum over r of x[r, c]. The gradient of a bias that was added to every row.

/** x: [R, C]; returns [C]. */
export function columnSum(x: Float64Array, C: number): Float64Array {
  const y = new Float64Array(C);
  for (let i = 0; i < x.length; i++) y[i % C]! += x[i]!;
  return y;
}

/** dx[r, c] = dy[c]. Returns [R, C]. */
export function columnSumBackward(dy: Float64Array, R: number): Float64Array {
  return Float64Array.from({ length: R * dy.length }, (_, i) => dy[i % dy.length]!);
}
