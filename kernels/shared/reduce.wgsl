// Sum over the LANES threads of a workgroup, always in the same order. Every thread must call it; all get the sum.
// LANES is a power of two. No subgroup operation: their width differs from device to device.
var<workgroup> reduce_scratch: array<f32, LANES>;

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  reduce_scratch[lane] = value;
  workgroupBarrier(); // values written
  for (var width = LANES / 2u; width > 0u; width >>= 1u) {
    if (lane < width) {
      reduce_scratch[lane] += reduce_scratch[lane + width];
    }
    workgroupBarrier(); // this level written before the next one reads
  }
  let total = reduce_scratch[0];
  workgroupBarrier(); // total read before the scratch is used again
  return total;
}
