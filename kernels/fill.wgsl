// fill — y = value.   y: [N]
// Mapping: one thread per element. Clears gradients and seeds backward inside the pass, where clearBuffer cannot go.
@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  y[i] = params.value;
}
