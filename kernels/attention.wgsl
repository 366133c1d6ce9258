// attention — y = dropout(softmax(q k^T * scale)) v per sequence and head, never holding a [T, T] matrix.
// Vaswani et al. 2017, arXiv:1706.03762; online softmax and its backward: Dao et al. 2022, arXiv:2205.14135.
// qkv, dqkv: [R, 3 H], the three parts side by side, head h at columns h D .. h D + D of each   y, dy: [R, H]
// lse, delta: [R, A] log-sum-exp of a query's scores; sum of dy * y   rows: [B] of (first row, real rows, rows owned, 0)
// A sequence attends to its real rows only: loops end there, so padding costs nothing; rows owned beyond them get zeros.
// Mapping: x = tile of queries (or keys), y = head, z = sequence. A team of threads owns 4 queries (or keys), each thread
// some quads of all four: every vec4 it reads from workgroup memory feeds 16 multiply-adds. The other side passes through
// workgroup memory in tiles, four rows at a time: the threads of a team write partial dot products, add up each other's and
// read the weights that come of them; not every device has subgroups. One owner per output row: no atomics.
// The four own rows are the lanes of a vector: column d of a mat4x4f is number d of a quad in each of them.
// The entries that own rows are written out by attention-source.ts, which also names Element, D4 and the reads and writes
// of a quad. The dropout counter is (query row * A + head) * span + key, the same in backward.
@group(0) @binding(0) var<storage, read> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read> qkv: array<Element>;
@group(0) @binding(2) var<storage, read_write> y_out: array<Element>;
@group(0) @binding(3) var<storage, read_write> lse_out: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<Element>;
@group(0) @binding(3) var<storage, read> dy: array<Element>;
@group(0) @binding(4) var<storage, read_write> delta_out: array<f32>;
@group(0) @binding(4) var<storage, read> delta: array<f32>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<Element>;

// The number of a head among those of all rows. Part 0 is q, 1 is k, 2 is v.
fn in_qkv(row: u32, part: u32, head: u32) -> u32 {
  return (row * 3u + part) * params.A + head;
}

fn in_y(row: u32, head: u32) -> u32 {
  return row * params.A + head;
}

fn own_of_qkv(own: vec4u, part: u32, head: u32, d4: u32) -> mat4x4f {
  return transpose(mat4x4f(
    quad_of_qkv(in_qkv(own.x, part, head), d4), quad_of_qkv(in_qkv(own.y, part, head), d4),
    quad_of_qkv(in_qkv(own.z, part, head), d4), quad_of_qkv(in_qkv(own.w, part, head), d4)));
}

fn own_of_dy(own: vec4u, head: u32, d4: u32) -> mat4x4f {
  return transpose(mat4x4f(
    quad_of_dy(in_y(own.x, head), d4), quad_of_dy(in_y(own.y, head), d4),
    quad_of_dy(in_y(own.z, head), d4), quad_of_dy(in_y(own.w, head), d4)));
}

fn scaled(own: mat4x4f, by: vec4f) -> mat4x4f {
  return mat4x4f(own[0] * by, own[1] * by, own[2] * by, own[3] * by);
}

// sum + the products of the own rows with a quad of another row.
fn dots(sum: vec4f, own: mat4x4f, quad: vec4f) -> vec4f {
  let xy = fma(own[1], vec4f(quad.y), fma(own[0], vec4f(quad.x), sum));
  return fma(own[3], vec4f(quad.w), fma(own[2], vec4f(quad.z), xy));
}

// sum + the quad of another row, times the weight it has in each own row.
fn weighted(sum: mat4x4f, weights: vec4f, quad: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(weights, vec4f(quad.x), sum[0]), fma(weights, vec4f(quad.y), sum[1]),
    fma(weights, vec4f(quad.z), sum[2]), fma(weights, vec4f(quad.w), sum[3]));
}

// As a conversion to f16 rounds. quantizeToF16 alone may take what is below f16's normal numbers for zero, and on Mesa does.
fn rounded_to_f16(x: vec4f) -> vec4f {
  return select(quantizeToF16(x), round(x * 16777216.0) / 16777216.0, abs(x) < vec4f(6.103515625e-5));
}

// delta = sum over d of dy * y: one thread per (row, head), N = R A. HALF: of dy as the f16 that dy . v is made of. What
// rounding does to dy, it does to dy . v of every key alike: were delta without it, it would stay in all ds.
@compute @workgroup_size(DELTA_LANES)
fn backwardDelta(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let at = linear_workgroup(group, groups) * DELTA_LANES + lane;
  if (at >= params.N) {
    return;
  }
  var sum = 0.0;
  for (var d4 = 0u; d4 < D4; d4++) {
    var g = quad_of_dy(at, d4);
    if (HALF) {
      g = rounded_to_f16(g);
    }
    let products = g * quad_of_y(at, d4);
    sum = sum + products.x + products.y + products.z + products.w;
  }
  delta_out[at] = sum;
}
