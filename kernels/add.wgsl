// add — y = a + b, or y += a.   a, b, y: [N]
// Mapping: one thread per Real.
@group(0) @binding(0) var<storage, read> a: array<Real>;
@group(0) @binding(1) var<storage, read> b: array<Real>;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N / WIDTH) {
    return;
  }
  y[i] = a[i] + b[i];
}

@compute @workgroup_size(LANES)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N / WIDTH) {
    return;
  }
  y[i] += a[i];
}
