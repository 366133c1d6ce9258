// fill — y = value, or value times a factor the device holds.   y: [N]   factor: [>= 1], its first element
// Mapping: a thread takes REALS that are LANES apart: starting one costs a software adapter as much as several stores.
@group(0) @binding(0) var<storage, read_write> y: array<Real>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;

fn fill(first: u32, value: f32) {
  for (var j = 0u; j < REALS; j++) {
    let i = first + j * LANES;
    if (i < params.N / WIDTH) {
      y[i] = Real(value);
    }
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  fill(linear_workgroup(group, groups) * LANES * REALS + lane, params.value);
}

@compute @workgroup_size(LANES)
fn scaled(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  fill(linear_workgroup(group, groups) * LANES * REALS + lane, params.value * factor[0]);
}
