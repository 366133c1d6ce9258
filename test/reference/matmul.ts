// Matrix products, C = op(A) op(B). Layouts: NN A B, NT A Bᵀ, TN Aᵀ B. Row-major.
//   dA and dB: with C = A B, dA = dC Bᵀ and dB = Aᵀ dC (Goodfellow et al. 2016, Deep Learning, section 6.5).

export type Layout = "NN" | "NT" | "TN";

export interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Distances in memory from op(A)[m, k] and op(B)[k, n] to the next m, k and n. */
function strides(layout: Layout, { M, N, K }: Sizes) {
  const [am, ak] = layout === "TN" ? [1, M] : [K, 1];
  const [bk, bn] = layout === "NT" ? [1, K] : [N, 1];
  return { am, ak, bk, bn };
}

/** C[m, n] = sum over k of op(A)[m, k] op(B)[k, n]. Returns [M, N]. */
export function matmul(
  layout: Layout,
  a: Float64Array,
  b: Float64Array,
  sizes: Sizes,
): Float64Array {
  const { M, N, K } = sizes;
  const { am, ak, bk, bn } = strides(layout, sizes);
  const c = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[m * am + k * ak]! * b[k * bk + n * bn]!;
      c[m * N + n] = sum;
    }
  }
  return c;
}

/** dA[m, k] = sum over n of dC[m, n] B[k, n]; dB[k, n] = sum over m of A[m, k] dC[m, n]. */
export function matmulBackward(
  layout: Layout,
  a: Float64Array,
  b: Float64Array,
  dc: Float64Array,
  sizes: Sizes,
): { a: Float64Array; b: Float64Array } {
  const { M, N, K } = sizes;
  const { am, ak, bk, bn } = strides(layout, sizes);
  const da = new Float64Array(M * K);
  const db = new Float64Array(K * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) {
        da[m * am + k * ak]! += dc[m * N + n]! * b[k * bk + n * bn]!;
        db[k * bk + n * bn]! += a[m * am + k * ak]! * dc[m * N + n]!;
      }
    }
  }
  return { a: da, b: db };
}
