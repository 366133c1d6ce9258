// add — y = a + b, or y += a.   a, b, y: [N]
// Mapping: shared/each.wgsl, by Reals.
@group(0) @binding(0) var<storage, read> a: array<Real>;
@group(0) @binding(1) var<storage, read> b: array<Real>;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / WIDTH);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    y[i] = a[i] + b[i];
  }
}

@compute @workgroup_size(LANES)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / WIDTH);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    y[i] += a[i];
  }
}
