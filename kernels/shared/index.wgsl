// The index of a workgroup in a grid that kernel.ts grid() folded into x and y.
fn linear_workgroup(id: vec3u, count: vec3u) -> u32 {
  return id.y * count.x + id.x;
}
