// Scaled dot-product self-attention of sequences that lie one after another among R rows, each over its real rows only:
//   P = softmax(q kᵀ / sqrt(D)), y = (keep P) v.   Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1
//   keep(query row, key, head) is 0 for a dropped pair, else 1 / (1 - p): Srivastava et al. 2014, JMLR 15.
//   dv = (keep P)ᵀ dy, dP = keep (dy vᵀ), dS = P (dP - rowsum(P dP)), dq = dS k / sqrt(D), dk = dSᵀ q / sqrt(D).
// qkv: [R, 3 H], q, k and v side by side, head h at columns h D to h D + D of each   y: [R, H], 0 in rows that are not real

export interface Sequence {
  readonly first: number;
  readonly real: number;
}

export interface AttentionShape {
  readonly R: number;
  readonly heads: number;
  readonly D: number;
  readonly sequences: readonly Sequence[];
}

/** The factor of a pair's probability: `query` counts rows from 0 to R, `key` from the sequence's first row. */
export type Keep = (query: number, key: number, head: number) => number;

const keepAll: Keep = () => 1;

/** Index of a value of q, k or v (`part` 0, 1, 2) in qkv. */
function place({ heads, D }: AttentionShape, row: number, part: number, head: number): number {
  return (row * 3 + part) * heads * D + head * D;
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, D: number): number {
  let sum = 0;
  for (let d = 0; d < D; d++) sum += a[i + d]! * b[j + d]!;
  return sum;
}

/** softmax(q kᵀ / sqrt(D)) of one query over its sequence's keys. */
function probabilities(
  qkv: Float64Array,
  shape: AttentionShape,
  { first, real }: Sequence,
  query: number,
  head: number,
): Float64Array {
  const scores = new Float64Array(real);
  for (let key = 0; key < real; key++) {
    const [q, k] = [place(shape, query, 0, head), place(shape, first + key, 1, head)];
    scores[key] = dot(qkv, q, qkv, k, shape.D) / Math.sqrt(shape.D);
  }
  const largest = Math.max(...scores);
  const exps = scores.map((score) => Math.exp(score - largest));
  const total = exps.reduce((sum, each) => sum + each, 0);
  return exps.map((each) => each / total);
}

/** Calls `visit` for each real query of each sequence and head. */
function eachQuery(
  { sequences, heads }: AttentionShape,
  visit: (sequence: Sequence, query: number, head: number) => void,
): void {
  for (const sequence of sequences) {
    for (let local = 0; local < sequence.real; local++) {
      for (let head = 0; head < heads; head++) visit(sequence, sequence.first + local, head);
    }
  }
}

export function attention(
  qkv: Float64Array,
  shape: AttentionShape,
  keep: Keep = keepAll,
): Float64Array {
  const { R, heads, D } = shape;
  const y = new Float64Array(R * heads * D);
  eachQuery(shape, (sequence, query, head) => {
    const p = probabilities(qkv, shape, sequence, query, head);
    p.forEach((probability, key) => {
      const weight = probability * keep(query, key, head);
      const v = place(shape, sequence.first + key, 2, head);
      for (let d = 0; d < D; d++) y[(query * heads + head) * D + d]! += weight * qkv[v + d]!;
    });
  });
  return y;
}

/** Returns dqkv: [R, 3 H]. */
export function attentionBackward(
  qkv: Float64Array,
  dy: Float64Array,
  shape: AttentionShape,
  keep: Keep = keepAll,
): Float64Array {
  const { heads, D } = shape;
  const dqkv = new Float64Array(qkv.length);
  eachQuery(shape, (sequence, query, head) => {
    const p = probabilities(qkv, shape, sequence, query, head);
    const out = (query * heads + head) * D;
    const q = place(shape, query, 0, head);
    const dp = p.map(
      (_, key) =>
        keep(query, key, head) * dot(dy, out, qkv, place(shape, sequence.first + key, 2, head), D),
    );
    const mean = p.reduce((sum, probability, key) => sum + probability * dp[key]!, 0);
    p.forEach((probability, key) => {
      const k = place(shape, sequence.first + key, 1, head);
      const v = place(shape, sequence.first + key, 2, head);
      const ds = (probability * (dp[key]! - mean)) / Math.sqrt(D);
      for (let d = 0; d < D; d++) {
        dqkv[q + d]! += ds * qkv[k + d]!;
        dqkv[k + d]! += ds * qkv[q + d]!;
        dqkv[v + d]! += probability * keep(query, key, head) * dy[out + d]!;
      }
    });
  });
  return dqkv;
}
