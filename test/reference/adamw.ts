// AdamW: Adam with decoupled weight decay. Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2; Kingma and Ba 2015,
// arXiv:1412.6980. In torch.optim.AdamW's order, at step t counted from 1:
//   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

export interface AdamWState {
  readonly p: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** One update in place. `g` is clipped already; elements from `decayed` on do not decay. */
export function adamw(
  { p, m, v }: AdamWState,
  g: Float64Array,
  lr: number,
  t: number,
  { beta1, beta2, eps, weightDecay }: AdamWSettings,
  decayed: number,
): void {
  for (let i = 0; i < p.length; i++) {
    if (i < decayed) p[i]! -= lr * weightDecay * p[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
    v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! ** 2;
    const corrected = Math.sqrt(v[i]! / (1 - beta2 ** t)) + eps;
    p[i]! -= (lr * (m[i]! / (1 - beta1 ** t))) / corrected;
  }
}
