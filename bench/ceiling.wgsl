// The adapter's own limits: multiply-adds on registers alone, and a copy.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

// A multiply-add of each of 3 independent chains: enough to hide latency, few enough for the registers of a CPU.
fn step(c: array<vec4f, 3>, a: vec4f) -> array<vec4f, 3> {
  return array(fma(c[0], a, a), fma(c[1], a, a), fma(c[2], a, a));
}

fn steps4(c: array<vec4f, 3>, a: vec4f) -> array<vec4f, 3> {
  return step(step(step(step(c, a), a), a), a);
}

// 16 steps a turn: what a loop costs, on a software adapter a mask over every sum, must not count.
@compute @workgroup_size(LANES)
fn multiplyAdd(@builtin(global_invocation_id) id: vec3u) {
  let a = x[0];
  var c = array(x[1], x[2], x[3]);
  for (var i = 0u; i < STEPS; i += 16u) {
    c = steps4(steps4(steps4(steps4(c, a), a), a), a);
  }
  y[id.x] = c[0] + c[1] + c[2];
}

@compute @workgroup_size(LANES)
fn copy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    y[i] = x[i];
  }
}
