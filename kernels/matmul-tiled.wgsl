// matmul-tiled — C = op(A) op(B) through workgroup memory: what GPUs run best among the portable kernels. Any shape.
// a: [M, K], or [K, M] with A_TRANSPOSED   b: [K, N], or [N, K] with B_TRANSPOSED   c, pre: [M, N]   bias: [N]
// Mapping: a workgroup of 16 x 16 threads owns a 64 x 64 tile of C, each thread 4 x 4 of it, K in steps of 16. Both
// operands are staged k-major, so that a thread reads its 4 rows and 4 columns as one vec4 each. Zeros stand past the edges.
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> pre: array<f32>;

const STEP = 16u;
const SIDE = 64u;
const STRIDE = 17u; // vec4s per k: one more than SIDE / 4, so that neighbouring k fall into different banks
var<workgroup> tile_a: array<vec4f, STEP * STRIDE>;
var<workgroup> tile_b: array<vec4f, STEP * STRIDE>;

fn load_a(m: u32, k: u32) -> f32 {
  if (m >= params.M || k >= params.K) {
    return 0.0;
  }
  return a[select(m * params.K + k, k * params.M + m, A_TRANSPOSED)];
}

fn load_b(k: u32, n: u32) -> f32 {
  if (n >= params.N || k >= params.K) {
    return 0.0;
  }
  return b[select(k * params.N + n, n * params.K + k, B_TRANSPOSED)];
}

// The 4 x 4 block of the thread at (group, id), one vec4 per row.
fn tile(group: vec3u, id: vec2u) -> array<vec4f, 4> {
  let lane = id.y * 16u + id.x;
  var sums: array<vec4f, 4>;
  for (var k0 = 0u; k0 < params.K; k0 += STEP) {
    // Each thread fills one vec4 of each tile. Neighbouring lanes read neighbouring addresses of the operand.
    let ka = select(lane % STEP, lane / STEP, A_TRANSPOSED);
    let qa = select(lane / STEP, lane % STEP, A_TRANSPOSED);
    let m = group.y * SIDE + 4u * qa;
    tile_a[ka * STRIDE + qa] = vec4f(
      load_a(m, k0 + ka), load_a(m + 1u, k0 + ka), load_a(m + 2u, k0 + ka), load_a(m + 3u, k0 + ka));
    let kb = select(lane / STEP, lane % STEP, B_TRANSPOSED);
    let qb = select(lane % STEP, lane / STEP, B_TRANSPOSED);
    let n = group.x * SIDE + 4u * qb;
    tile_b[kb * STRIDE + qb] = vec4f(
      load_b(k0 + kb, n), load_b(k0 + kb, n + 1u), load_b(k0 + kb, n + 2u), load_b(k0 + kb, n + 3u));
    workgroupBarrier(); // tiles written
    for (var k = 0u; k < STEP; k++) {
      let x = tile_a[k * STRIDE + id.y];
      let w = tile_b[k * STRIDE + id.x];
      sums[0] = fma(vec4f(x.x), w, sums[0]);
      sums[1] = fma(vec4f(x.y), w, sums[1]);
      sums[2] = fma(vec4f(x.z), w, sums[2]);
      sums[3] = fma(vec4f(x.w), w, sums[3]);
    }
    workgroupBarrier(); // tiles read before the next step overwrites them
  }
  return sums;
}

@compute @workgroup_size(16, 16)
fn product(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var m = 0u; m < 4u; m++) {
    let row = group.y * SIDE + id.y * 4u + m;
    for (var n = 0u; n < 4u; n++) {
      let column = group.x * SIDE + id.x * 4u + n;
      if (row < params.M && column < params.N) {
        let i = row * params.N + column;
        if (ACCUMULATE) {
          c[i] += sums[m][n];
        } else {
          c[i] = sums[m][n];
        }
      }
    }
  }
}

@compute @workgroup_size(16, 16)
fn linear(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var m = 0u; m < 4u; m++) {
    let row = group.y * SIDE + id.y * 4u + m;
    for (var n = 0u; n < 4u; n++) {
      let column = group.x * SIDE + id.x * 4u + n;
      if (row < params.M && column < params.N) {
        c[row * params.N + column] = activate(sums[m][n] + bias[column]);
      }
    }
  }
}

@compute @workgroup_size(16, 16)
fn linearKeep(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var m = 0u; m < 4u; m++) {
    let row = group.y * SIDE + id.y * 4u + m;
    for (var n = 0u; n < 4u; n++) {
      let column = group.x * SIDE + id.x * 4u + n;
      if (row < params.M && column < params.N) {
        let i = row * params.N + column;
        let value = sums[m][n] + bias[column];
        pre[i] = value;
        c[i] = activate(value);
      }
    }
  }
}
