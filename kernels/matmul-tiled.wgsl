// matmul-tiled — C = op(A) op(B) through workgroup memory: what GPUs run best among the portable kernels.
// a: [M, K], or [K, M] with A_TRANSPOSED   b: [K, N], or [N, K] with B_TRANSPOSED   c, pre: [M, N]   bias: [N]
// All buffers as vec4: N % 4 = 0, K % 4 = 0, and M % 4 = 0 where A is transposed.
// Mapping: a workgroup of X x Y threads owns 4 Y ROW_QUADS rows and 4 X COLUMN_QUADS columns of C; a thread's quads lie X
// (or Y) apart, so that neighbouring threads read neighbouring words. Both operands are staged k-major in steps of STEP, as
// ELEM (f16 rounds them; sums are f32). The threads share the blocks of both between them, and read those of the next step
// while they multiply. Blocks past the edges are read at clamped addresses and not stored, past K as zeros.
// With SPLIT above 1, workgroup z adds its share of K and c is [SPLIT, M, N], for matmul-split to add up.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;

const M4 = Y * ROW_QUADS; // quads of rows in a tile
const N4 = X * COLUMN_QUADS;
const STEP4 = STEP / 4u;
const BLOCKS_A = STEP4 * M4; // blocks of 4 x 4 that a step stages
const BLOCKS = BLOCKS_A + STEP4 * N4;
const_assert BLOCKS <= X * Y; // a thread stages one of them, or none
const STRIDE = M4 + N4 + 1u; // one more, so that neighbouring k fall into different banks
const SUMS = 4u * ROW_QUADS * COLUMN_QUADS;
var<workgroup> staged: array<vec4<ELEM>, STEP * STRIDE>; // at each k the quads of A's rows, then those of B's columns

// The thread's block of a step: its quad of k, and its quad of A's rows or, from M4 on, of B's columns.
// Neighbouring threads read neighbouring addresses: along k, or along the quads of a k-major operand.
fn own_block(lane: u32) -> vec2u {
  if (lane < BLOCKS_A) {
    return select(vec2u(lane % STEP4, lane / STEP4), vec2u(lane / M4, lane % M4), A_TRANSPOSED);
  }
  let i = lane - BLOCKS_A;
  return select(vec2u(i / N4, M4 + i % N4), vec2u(i % STEP4, M4 + i / STEP4), B_TRANSPOSED);
}

// Where a block's four vec4s begin: 4 rows of a k-major operand of `size` at quad `q`, or 4 rows of K, each at quad `k4`.
fn block_places(k_major: bool, size: u32, q: u32, k4: u32) -> vec4u {
  if (k_major) {
    let quads = size / 4u;
    return (4u * k4 + vec4u(0u, 1u, 2u, 3u)) * quads + min(q, quads - 1u);
  }
  return min(4u * q + vec4u(0u, 1u, 2u, 3u), vec4u(size - 1u)) * (params.K / 4u) + k4;
}

// k-major: element j belongs to k = 4 k4 + j. Zeros where there is nothing to read.
fn block(within: bool, of_a: bool, at: vec4u) -> mat4x4f {
  if (!within) {
    return mat4x4f();
  }
  if (of_a) {
    let read = mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]);
    if (A_TRANSPOSED) {
      return read;
    }
    return transpose(read);
  }
  let read = mat4x4f(b[at.x], b[at.y], b[at.z], b[at.w]);
  if (B_TRANSPOSED) {
    return transpose(read);
  }
  return read;
}

// The thread's quads of C: row 4 i + r and quad n at [(4 i + r) * COLUMN_QUADS + n].
fn tile(group: vec3u, id: vec2u) -> array<vec4f, SUMS> {
  let x0 = min(id.x, X - 1u); // bounds that the compiler sees, or it would clamp every index in the loops
  let y0 = min(id.y, Y - 1u);
  let lane = y0 * X + x0;
  let stages = lane < BLOCKS;
  let own = own_block(lane);
  let to = 4u * min(own.x, STEP4 - 1u) * STRIDE + min(own.y, M4 + N4 - 1u);
  let k4 = params.K / 4u;
  let share = (k4 + STEP4 * SPLIT - 1u) / (STEP4 * SPLIT) * STEP4;
  let begin = group.z * share;
  let end = min(k4, begin + share);
  // Addresses once, and then a hop a step.
  let of_a = own.y < M4;
  let k_major = select(!B_TRANSPOSED, A_TRANSPOSED, of_a);
  let size = select(params.N, params.M, of_a);
  let quad = select(group.x * N4 + own.y - M4, group.y * M4 + own.y, of_a);
  let hop = select(STEP4, STEP * (size / 4u), k_major);
  var read_at = block_places(k_major, size, quad, begin + own.x);
  var sums: array<vec4f, SUMS>;
  var next = block(stages && begin + own.x < end, of_a, read_at);
  for (var start = begin; start < end; start += STEP4) {
    if (stages) {
      staged[to] = vec4<ELEM>(next[0]);
      staged[to + STRIDE] = vec4<ELEM>(next[1]);
      staged[to + 2u * STRIDE] = vec4<ELEM>(next[2]);
      staged[to + 3u * STRIDE] = vec4<ELEM>(next[3]);
    }
    workgroupBarrier(); // tiles written
    read_at += hop;
    next = block(stages && start + STEP4 + own.x < end, of_a, read_at); // on its way while this step is multiplied
    for (var q = 0u; q < STEP / 2u; q++) {
      for (var u = 0u; u < 2u; u++) { // compilers write it out: the loop's own work for two k
        var w: array<vec4f, COLUMN_QUADS>;
        for (var n = 0u; n < COLUMN_QUADS; n++) {
          w[n] = vec4f(staged[(2u * q + u) * STRIDE + M4 + x0 + n * X]);
        }
        for (var i = 0u; i < ROW_QUADS; i++) {
          let x = vec4f(staged[(2u * q + u) * STRIDE + y0 + i * Y]);
          for (var n = 0u; n < COLUMN_QUADS; n++) {
            let s = 4u * i * COLUMN_QUADS + n;
            sums[s] = fma(vec4f(x.x), w[n], sums[s]);
            sums[s + COLUMN_QUADS] = fma(vec4f(x.y), w[n], sums[s + COLUMN_QUADS]);
            sums[s + 2u * COLUMN_QUADS] = fma(vec4f(x.z), w[n], sums[s + 2u * COLUMN_QUADS]);
            sums[s + 3u * COLUMN_QUADS] = fma(vec4f(x.w), w[n], sums[s + 3u * COLUMN_QUADS]);
          }
        }
      }
    }
    workgroupBarrier(); // tiles read before the next step overwrites them
  }
  return sums;
}

// Row and quad of C of the thread's value `at`.
fn place(group: vec3u, id: vec2u, at: u32) -> vec2u {
  let row = at / COLUMN_QUADS;
  return vec2u(
    4u * (group.y * M4 + id.y + row / 4u * Y) + row % 4u,
    group.x * N4 + id.x + at % COLUMN_QUADS * X);
}

@compute @workgroup_size(X, Y)
fn product(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var at = 0u; at < SUMS; at++) {
    let p = place(group, id.xy, at);
    if (p.x < params.M && p.y < params.N / 4u) {
      let i = (group.z * params.M + p.x) * (params.N / 4u) + p.y;
      if (ACCUMULATE) {
        c[i] += sums[at];
      } else {
        c[i] = sums[at];
      }
    }
  }
}

@compute @workgroup_size(X, Y)
fn linear(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var at = 0u; at < SUMS; at++) {
    let p = place(group, id.xy, at);
    if (p.x < params.M && p.y < params.N / 4u) {
      c[p.x * (params.N / 4u) + p.y] = activate(sums[at] + bias[p.y]);
    }
  }
}

@compute @workgroup_size(X, Y)
fn linearKeep(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  var sums = tile(group, id.xy);
  for (var at = 0u; at < SUMS; at++) {
    let p = place(group, id.xy, at);
    if (p.x < params.M && p.y < params.N / 4u) {
      let i = p.x * (params.N / 4u) + p.y;
      let value = sums[at] + bias[p.y];
      pre[i] = value;
      c[i] = activate(value);
    }
  }
}
