// The adapter's own limits: multiply-adds on registers alone, and a copy.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

// 3 independent chains of vec4 multiply-adds, STEPS long: enough to hide latency, few enough for the registers of a CPU.
@compute @workgroup_size(LANES)
fn multiplyAdd(@builtin(global_invocation_id) id: vec3u) {
  let a = x[0];
  var c0 = x[1];
  var c1 = x[2];
  var c2 = x[3];
  for (var i = 0u; i < STEPS; i++) {
    c0 = fma(c0, a, a);
    c1 = fma(c1, a, a);
    c2 = fma(c2, a, a);
  }
  y[id.x] = c0 + c1 + c2;
}

@compute @workgroup_size(LANES)
fn copy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i < params.N) {
    y[i] = x[i];
  }
}
