// y = (s - mean) / sqrt(variance + eps) gamma + beta over the last axis, s = x or x + residual, variance over C (not C - 1).
// Ba, Kiros and Hinton 2016, arXiv:1607.06450, section 3.
//   With h = (s - mean) / sigma and g = dy gamma:   ds = (g - mean(g) - h mean(g h)) / sigma
//   dgamma[c] = sum over r of dy h, dbeta[c] = sum over r of dy; x and residual both get ds.

export interface LayerNormInputs {
  /** [R, C]. */
  readonly x: Float64Array;
  /** [C]. */
  readonly gamma: Float64Array;
  /** [C]. */
  readonly beta: Float64Array;
  /** [R, C]. */
  readonly residual?: Float64Array;
}

/** Per row: the normalised values and 1 / sigma. */
function normalise({ x, gamma, residual }: LayerNormInputs, eps: number) {
  const C = gamma.length;
  const R = x.length / C;
  const h = new Float64Array(x.length);
  const inverse = new Float64Array(R);
  for (let r = 0; r < R; r++) {
    let mean = 0;
    for (let c = 0; c < C; c++) {
      h[r * C + c] = x[r * C + c]! + (residual?.[r * C + c] ?? 0);
      mean += h[r * C + c]! / C;
    }
    let variance = 0;
    for (let c = 0; c < C; c++) variance += (h[r * C + c]! - mean) ** 2 / C;
    inverse[r] = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < C; c++) h[r * C + c] = (h[r * C + c]! - mean) * inverse[r]!;
  }
  return { R, C, h, inverse };
}

export function layerNorm(inputs: LayerNormInputs, eps: number): Float64Array {
  const { gamma, beta } = inputs;
  const { C, h } = normalise(inputs, eps);
  return h.map((value, i) => value * gamma[i % C]! + beta[i % C]!);
}

export function layerNormBackward(
  inputs: LayerNormInputs,
  dy: Float64Array,
  eps: number,
): { x: Float64Array; gamma: Float64Array; beta: Float64Array } {
  const { gamma } = inputs;
  const { R, C, h, inverse } = normalise(inputs, eps);
  const dx = new Float64Array(R * C);
  const dgamma = new Float64Array(C);
  const dbeta = new Float64Array(C);
  for (let r = 0; r < R; r++) {
    let gMean = 0;
    let ghMean = 0;
    for (let c = 0; c < C; c++) {
      const i = r * C + c;
      gMean += (dy[i]! * gamma[c]!) / C;
      ghMean += (dy[i]! * gamma[c]! * h[i]!) / C;
      dgamma[c]! += dy[i]! * h[i]!;
      dbeta[c]! += dy[i]!;
    }
    for (let c = 0; c < C; c++) {
      const i = r * C + c;
      dx[i] = inverse[r]! * (dy[i]! * gamma[c]! - gMean - h[i]! * ghMean);
    }
  }
  return { x: dx, gamma: dgamma, beta: dbeta };
}
