// Attention dropout: 1 / (1 - p) where the pair of a query row and a key of its sequence is kept, else 0.
fn keep(query: u32, key: u32, head: u32) -> f32 {
  if (!DROPOUT) {
    return 1.0;
  }
  let bits = random_bits(params.key0, params.key1, (query * params.A + head) * params.span + key);
  return select(0.0, params.keep_scale, bits >= params.threshold);
}
