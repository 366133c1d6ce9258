// activation — y = f(x), dx (+)= dy f'(x), f by ACTIVATION: gelu_new, gelu, relu or tanh.   x, y, dy, dx: [N]
// Mapping: shared/each.wgsl, by Reals. Formulas and sources: shared/activation.wgsl.
@group(0) @binding(0) var<storage, read> x: array<Real>;
@group(0) @binding(1) var<storage, read> dy: array<Real>;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;
@group(0) @binding(2) var<storage, read_write> dx: array<Real>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / WIDTH);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    y[i] = activate(x[i]);
  }
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / WIDTH);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let gradient = dy[i] * activate_gradient(x[i]);
    if (ACCUMULATE) {
      dx[i] += gradient;
    } else {
      dx[i] = gradient;
    }
  }
}
