// matmul-split — c (+)= sum over s of partial[s], always in the same order: the second stage of a product whose K was split
// among workgroups, because float atomics would make runs differ.   partial: [S, N]   c: [N], as vec4: N % 4 = 0
// Mapping: shared/each.wgsl, by vec4s.
@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(LANES)
fn total(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let n4 = params.N / 4u;
  let piece = piece_of(linear_workgroup(group, groups), n4);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    var sum = vec4f();
    for (var s = 0u; s < params.S; s++) {
      sum += partial[s * n4 + i];
    }
    if (ACCUMULATE) {
      c[i] += sum;
    } else {
      c[i] = sum;
    }
  }
}
