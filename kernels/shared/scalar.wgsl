// Elements one by one: quad.wgsl for sizes that are no multiple of 4.
alias Real = f32;
alias Bits = u32;
const WIDTH = 1u;

fn across(v: Real) -> f32 {
  return v;
}

fn places(i: u32) -> Bits {
  return i;
}
