// loss = mean over rows of log(sum over c of exp(z[c])) - z[label]; dz = (softmax(z) - onehot(label)) dloss / R.
// Goodfellow et al. 2016, Deep Learning, section 6.2.2.3; torch.nn.CrossEntropyLoss with mean reduction.

/** softmax of each row of logits: [R, C]. */
function softmax(logits: Float64Array, C: number): Float64Array {
  const probs = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += C) {
    const row = logits.subarray(at, at + C);
    const largest = Math.max(...row);
    const total = row.reduce((sum, z) => sum + Math.exp(z - largest), 0);
    row.forEach((z, c) => (probs[at + c] = Math.exp(z - largest) / total));
  }
  return probs;
}

/** Returns [1]. */
export function crossEntropy(logits: Float64Array, labels: Uint32Array): Float64Array {
  const C = logits.length / labels.length;
  let sum = 0;
  labels.forEach((label, r) => {
    const row = logits.subarray(r * C, (r + 1) * C);
    const largest = Math.max(...row);
    const total = row.reduce((exps, z) => exps + Math.exp(z - largest), 0);
    sum += Math.log(total) + largest - row[label]!;
  });
  return Float64Array.of(sum / labels.length);
}

/** Returns dlogits: [R, C]. */
export function crossEntropyBackward(
  logits: Float64Array,
  labels: Uint32Array,
  dloss: number,
): Float64Array {
  const R = labels.length;
  const C = logits.length / R;
  return softmax(logits, C).map(
    (p, i) => ((p - (i % C === labels[Math.floor(i / C)] ? 1 : 0)) * dloss) / R,
  );
}
