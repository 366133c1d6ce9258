// matmul-half — h = a rounded to f16, for products that read an operand often: half the bytes.   a, h: [N], as vec4: N % 4 = 0
// Mapping: one thread per 4 elements.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> h: array<vec4h>;

@compute @workgroup_size(LANES)
fn rounded(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i < params.N / 4u) {
    h[i] = vec4h(a[i]);
  }
}
