// fill — y = value, or value times a factor the device holds.   y: [N]   factor: [>= 1], its first element
// Mapping: shared/each.wgsl, by Reals.
@group(0) @binding(0) var<storage, read_write> y: array<Real>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;

fn fill(piece: vec2u, lane: u32, value: f32) {
  for (var i = piece.x + lane; i < piece.y; i += LANES) {
    y[i] = Real(value);
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  fill(piece_of(linear_workgroup(group, groups), params.N / WIDTH), thread.x, params.value);
}

@compute @workgroup_size(LANES)
fn scaled(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  fill(piece_of(linear_workgroup(group, groups), params.N / WIDTH), thread.x, params.value * factor[0]);
}
