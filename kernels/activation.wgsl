// activation — y = f(x), dx (+)= dy f'(x), f by ACTIVATION: gelu_new, gelu, relu or tanh.   x, y, dy, dx: [N]
// Mapping: one thread per element. Formulas and sources: shared/activation.wgsl.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  y[i] = activate(x[i]);
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  let gradient = dy[i] * activate_gradient(x[i]);
  if (ACCUMULATE) {
    dx[i] += gradient;
  } else {
    dx[i] = gradient;
  }
}
