// What the kernels of attention that work on whole vec4s bind: see attention.wgsl. D4 vec4s are a head.
@group(0) @binding(0) var<storage, read> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y_out: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> lse_out: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read> delta: array<f32>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<vec4f>;

// Where a head of a row starts, in vec4s. Part 0 is q, 1 is k, 2 is v.
fn part(row: u32, which: u32, head: u32) -> u32 {
  return ((row * 3u + which) * params.A + head) * D4;
}

fn in_y(row: u32, head: u32) -> u32 {
  return (row * params.A + head) * D4;
}
