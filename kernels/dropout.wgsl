// dropout — y (+)= x * kept / (1 - p), kept with probability 1 - p.   x, y: [N]      Srivastava et al. 2014
// The same kernel is its own backward: dx = dy * kept / (1 - p), with the bits made again from (key, element).
// Mapping: shared/each.wgsl, by Reals. `threshold` is p * 2^32, `scale` is 1 / (1 - p).
@group(0) @binding(0) var<storage, read> x: array<Real>;
@group(0) @binding(1) var<storage, read_write> y: array<Real>;

@compute @workgroup_size(LANES)
fn apply(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / WIDTH);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let kept = random_bits(params.key0, params.key1, places(i)) >= Bits(params.threshold);
    let value = select(Real(), x[i] * params.scale, kept);
    if (ACCUMULATE) {
      y[i] += value;
    } else {
      y[i] = value;
    }
  }
}
