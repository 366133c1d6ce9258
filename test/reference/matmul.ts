// Matrix products, C = op(A) op(B). Layouts: NN A B, NT A Bᵀ, TN Aᵀ B. Row-major.
//   dA and dB: with C = A B, dA = dC Bᵀ and dB = Aᵀ dC (Goodfellow et al. 2016, Deep Learning, section 6.5).

export type Layout = "NN" | "NT" | "TN";

export interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Where op(A)[m, k] and op(B)[k, n] stand in memory. */
function places(layout: Layout, { M, N, K }: Sizes) {
  return {
    a: (m: number, k: number) => (layout === "TN" ? k * M + m : m * K + k),
    b: (k: number, n: number) => (layout === "NT" ? n * K + k : k * N + n),
  };
}

/** C[m, n] = sum over k of op(A)[m, k] op(B)[k, n]. Returns [M, N]. */
export function matmul(
  layout: Layout,
  a: Float64Array,
  b: Float64Array,
  sizes: Sizes,
): Float64Array {
  const { M, N, K } = sizes;
  const at = places(layout, sizes);
  const c = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[at.a(m, k)]! * b[at.b(k, n)]!;
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
  const at = places(layout, sizes);
  const da = new Float64Array(M * K);
  const db = new Float64Array(K * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) {
        da[at.a(m, k)]! += dc[m * N + n]! * b[at.b(k, n)]!;
        db[at.b(k, n)]! += a[at.a(m, k)]! * dc[m * N + n]!;
      }
    }
  }
  return { a: da, b: db };
}
