// For element-wise kernels: a workgroup takes LANES * TURNS elements of `count` that lie side by side, a thread every LANES-th:
//   let piece = piece_of(group, groups, count);
//   for (var i = piece.x + thread.x; i < piece.y; i += LANES) { ... }
fn piece_of(group: vec3u, groups: vec3u, count: u32) -> vec2u {
  let first = linear_workgroup(group, groups) * LANES * TURNS;
  return vec2u(first, min(first + LANES * TURNS, count));
}
