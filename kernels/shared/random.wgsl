// Counter-based random bits for dropout: a pure function of (key, counter), so backward makes the same bits again and
// nothing is stored. Two rounds of a 32-bit mixer; its constants are C. Wellons' "lowbias32" (hash-prospector, 2018).
fn mix_bits(value: Bits) -> Bits {
  var x = value;
  x ^= x >> Bits(16u);
  x *= 0x7feb352du;
  x ^= x >> Bits(15u);
  x *= 0x846ca68bu;
  x ^= x >> Bits(16u);
  return x;
}

fn random_bits(key0: u32, key1: u32, counter: Bits) -> Bits {
  return mix_bits(mix_bits(counter ^ Bits(key0)) + key1);
}
