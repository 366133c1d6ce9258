// attention — y = dropout(softmax(q k^T * scale)) v per sequence and head, never holding a [T, T] matrix.
// Vaswani et al. 2017, arXiv:1706.03762; online softmax and its backward: Dao et al. 2022, arXiv:2205.14135.
// qkv, dqkv: [R, 3 H], the three parts side by side, head h at columns h D .. h D + D of each   y, dy: [R, H]
// lse, delta: [R, A] log-sum-exp of a query's scores; sum of dy * y   rows: [B] of (first row, real rows, rows owned, 0)
// A sequence attends to its real rows only: loops end there, so padding costs nothing; rows owned beyond them get zeros.
// Mapping: x = tile of LANES queries (or keys), y = head, z = sequence; a thread owns one query (or key) in registers, the
// other side passes through workgroup memory in tiles of KEYS rows. One owner per output row: no atomics.
// D is the head size, D4 = ceil(D / 4). The dropout counter is (query row * A + head) * span + key, the same in backward.
@group(0) @binding(0) var<storage, read> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read_write> y_out: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse_out: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> delta_out: array<f32>;
@group(0) @binding(4) var<storage, read> delta: array<f32>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<f32>;

alias Head = array<vec4f, D4>;
var<workgroup> tile_1: array<vec4f, KEYS * D4>;
var<workgroup> tile_2: array<vec4f, KEYS * D4>;
var<workgroup> tile_lse: array<f32, KEYS>;
var<workgroup> tile_delta: array<f32, KEYS>;

// Part 0 is q, 1 is k, 2 is v.
fn part(row: u32, which: u32, head: u32) -> u32 {
  return (row * 3u + which) * params.A * D + head * D;
}

fn quad_of_qkv(at: u32, d4: u32) -> vec4f {
  var quad = vec4f();
  for (var j = 0u; j < 4u; j++) {
    if (D % 4u == 0u || 4u * d4 + j < D) {
      quad[j] = qkv[at + 4u * d4 + j];
    }
  }
  return quad;
}

fn quad_of_dy(at: u32, d4: u32) -> vec4f {
  var quad = vec4f();
  for (var j = 0u; j < 4u; j++) {
    if (D % 4u == 0u || 4u * d4 + j < D) {
      quad[j] = dy[at + 4u * d4 + j];
    }
  }
  return quad;
}

// Fills both tiles with k and v of `count` rows from `first`.
fn stage_keys(first: u32, count: u32, head: u32, lane: u32) {
  for (var i = lane; i < count * D4; i += LANES) {
    tile_1[i] = quad_of_qkv(part(first + i / D4, 1u, head), i % D4);
    tile_2[i] = quad_of_qkv(part(first + i / D4, 2u, head), i % D4);
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = rows[group.z];
  if (group.x * LANES >= row.z) {
    return; // the whole workgroup returns
  }
  let head = group.y;
  let local = group.x * LANES + lane;
  let real = local < row.y;
  let query = row.x + select(0u, local, real);
  var q: Head;
  var sum: Head;
  for (var d = 0u; d < D4; d++) {
    q[d] = quad_of_qkv(part(query, 0u, head), d) * params.scale;
  }
  var largest = -1e30; // finite: compilers may assume no infinities
  var total = 0.0;
  for (var first = 0u; first < row.y; first += KEYS) {
    let count = min(KEYS, row.y - first);
    workgroupBarrier(); // the last tile read
    stage_keys(row.x + first, count, head, lane);
    workgroupBarrier(); // this tile written
    var scores: array<f32, KEYS>;
    var highest = largest;
    for (var j = 0u; j < count; j++) {
      var s = vec4f();
      for (var d = 0u; d < D4; d++) {
        s = fma(q[d], tile_1[j * D4 + d], s);
      }
      scores[j] = s.x + s.y + s.z + s.w;
      highest = max(highest, scores[j]);
    }
    let shrink = exp(largest - highest);
    largest = highest;
    total *= shrink;
    for (var d = 0u; d < D4; d++) {
      sum[d] *= shrink;
    }
    for (var j = 0u; j < count; j++) {
      let p = exp(scores[j] - highest);
      total += p;
      let kept = p * keep(query, first + j, head);
      for (var d = 0u; d < D4; d++) {
        sum[d] = fma(vec4f(kept), tile_2[j * D4 + d], sum[d]);
      }
    }
  }
  if (local >= row.z) {
    return;
  }
  let out = (row.x + local) * params.A;
  for (var d = 0u; d < D; d++) {
    y_out[(out + head) * D + d] = select(0.0, sum[d / 4u][d % 4u] / total, real);
  }
  lse_out[out + head] = select(0.0, largest + log(total), real);
}

// delta = sum over d of dy * y: one thread per (row, head), N = R A.
@compute @workgroup_size(LANES)
fn backwardDelta(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (i >= params.N) {
    return;
  }
  var sum = 0.0;
  for (var d = 0u; d < D; d++) {
    sum += dy[i * D + d] * y[i * D + d];
  }
  delta_out[i] = sum;
}

// dq = sum over keys of ds * k,  ds = p * (keep * dy.v - delta) * scale,  p = exp(q.k * scale - lse).
@compute @workgroup_size(LANES)
fn backwardQuery(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = rows[group.z];
  if (group.x * LANES >= row.z) {
    return;
  }
  let head = group.y;
  let local = group.x * LANES + lane;
  let real = local < row.y;
  let query = row.x + select(0u, local, real);
  let at = query * params.A + head;
  var q: Head;
  var g: Head;
  var dq: Head;
  for (var d = 0u; d < D4; d++) {
    q[d] = quad_of_qkv(part(query, 0u, head), d) * params.scale;
    g[d] = quad_of_dy(at * D, d);
  }
  let query_lse = lse[at];
  let query_delta = delta[at];
  for (var first = 0u; first < row.y; first += KEYS) {
    let count = min(KEYS, row.y - first);
    workgroupBarrier(); // the last tile read
    stage_keys(row.x + first, count, head, lane);
    workgroupBarrier(); // this tile written
    for (var j = 0u; j < count; j++) {
      var s = vec4f();
      var dp = vec4f();
      for (var d = 0u; d < D4; d++) {
        s = fma(q[d], tile_1[j * D4 + d], s);
        dp = fma(g[d], tile_2[j * D4 + d], dp);
      }
      let p = exp(s.x + s.y + s.z + s.w - query_lse);
      let ds = p * ((dp.x + dp.y + dp.z + dp.w) * keep(query, first + j, head) - query_delta) * params.scale;
      for (var d = 0u; d < D4; d++) {
        dq[d] = fma(vec4f(ds), tile_1[j * D4 + d], dq[d]);
      }
    }
  }
  if (local >= row.z) {
    return;
  }
  for (var d = 0u; d < D; d++) {
    dqkv[part(row.x + local, 0u, head) + d] = select(0.0, dq[d / 4u][d % 4u], real);
  }
}

// dv = sum over queries of keep * p * dy,  dk = sum over queries of ds * q.
@compute @workgroup_size(LANES)
fn backwardKeyValue(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = rows[group.z];
  if (group.x * LANES >= row.z) {
    return;
  }
  let head = group.y;
  let local = group.x * LANES + lane;
  let real = local < row.y;
  let key = row.x + select(0u, local, real);
  var k: Head;
  var v: Head;
  var dk: Head;
  var dv: Head;
  for (var d = 0u; d < D4; d++) {
    k[d] = quad_of_qkv(part(key, 1u, head), d) * params.scale;
    v[d] = quad_of_qkv(part(key, 2u, head), d);
  }
  for (var first = 0u; first < row.y; first += KEYS) {
    let count = min(KEYS, row.y - first);
    workgroupBarrier(); // the last tile read
    for (var i = lane; i < count * D4; i += LANES) {
      let query = row.x + first + i / D4;
      tile_1[i] = quad_of_qkv(part(query, 0u, head), i % D4);
      tile_2[i] = quad_of_dy((query * params.A + head) * D, i % D4);
    }
    for (var i = lane; i < count; i += LANES) {
      let at = (row.x + first + i) * params.A + head;
      tile_lse[i] = lse[at];
      tile_delta[i] = delta[at];
    }
    workgroupBarrier(); // this tile written
    for (var i = 0u; i < count; i++) {
      var s = vec4f();
      var dp = vec4f();
      for (var d = 0u; d < D4; d++) {
        s = fma(k[d], tile_1[i * D4 + d], s);
        dp = fma(v[d], tile_2[i * D4 + d], dp);
      }
      let p = exp(s.x + s.y + s.z + s.w - tile_lse[i]);
      let kept = keep(row.x + first + i, local, head);
      let ds = p * ((dp.x + dp.y + dp.z + dp.w) * kept - tile_delta[i]) * params.scale;
      for (var d = 0u; d < D4; d++) {
        dv[d] = fma(vec4f(p * kept), tile_2[i * D4 + d], dv[d]);
        dk[d] = fma(vec4f(ds), tile_1[i * D4 + d], dk[d]);
      }
    }
  }
  if (local >= row.z) {
    return;
  }
  for (var d = 0u; d < D; d++) {
    dqkv[part(row.x + local, 1u, head) + d] = select(0.0, dk[d / 4u][d % 4u], real);
    dqkv[part(row.x + local, 2u, head) + d] = select(0.0, dv[d / 4u][d % 4u], real);
  }
}
