// For element-wise kernels: a workgroup takes LANES * TURNS elements of `count` that lie side by side, a thread every LANES-th:
//   let piece = piece_of(linear_workgroup(group, groups), count);
//   for (var i = piece.x + thread.x; i < piece.y; i += LANES) { ... }
fn piece_of(workgroup: u32, count: u32) -> vec2u {
  let first = workgroup * LANES * TURNS;
  return vec2u(first, min(first + LANES * TURNS, count));
}
