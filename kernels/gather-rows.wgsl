// gather-rows — y[b] = x[index[b]]; backward dx[index[b]] += dy[b], index without repeats so each row has one owner.
// x, dx: [R, C]   index: [B]   y, dy: [B, C].   Mapping: shared/each.wgsl, by elements of y. N = B * C.
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    y[i] = x[index[i / params.C] * params.C + i % params.C];
  }
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    dx[index[i / params.C] * params.C + i % params.C] += dy[i];
  }
}
