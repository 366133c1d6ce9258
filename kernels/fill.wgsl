// fill — y = value, or value times a factor the device holds.   y: [N]   factor: [>= 1], its first element
// Mapping: one thread per element. Clears gradients and seeds backward inside the pass, where clearBuffer cannot go.
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  y[i] = params.value;
}

@compute @workgroup_size(LANES)
fn scaled(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  y[i] = params.value * factor[0];
}
