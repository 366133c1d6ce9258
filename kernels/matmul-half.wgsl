// matmul-half — h = a rounded to f16, for products that read an operand often: half the bytes.   a, h: [N], as vec4: N % 4 = 0
// Mapping: shared/each.wgsl, by vec4s.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> h: array<vec4h>;

@compute @workgroup_size(LANES)
fn rounded(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / 4u);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    h[i] = vec4h(a[i]);
  }
}
