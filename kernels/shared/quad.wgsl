// Elements by fours, for kernels that also come one by one (scalar.wgsl). A software adapter pays for each lane's load,
// whatever its width, and a GPU loads 16 bytes at once best.
alias Real = vec4f;
alias Bits = vec4u;
const WIDTH = 4u;

fn across(v: Real) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// The numbers of the elements of the i-th Real.
fn places(i: u32) -> Bits {
  return 4u * i + vec4u(0u, 1u, 2u, 3u);
}
