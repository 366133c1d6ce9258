// matmul-register — C = op(A) op(B), a register tile per thread and no workgroup memory: what software adapters run best.
// a: [M, K], or [K, M] with A_TRANSPOSED   b: [K, N], or [N, K] with B_TRANSPOSED   c, pre: [M, N]   bias: [N]
// All buffers as vec4: N % 4 = 0, K % 4 = 0, and M % 4 = 0 where A is transposed.
// Mapping: a thread owns ROWS rows and one quad of columns; the rows are the workgroup's, so that A is read at an address
// common to all lanes. Rows and quads past the end are computed on clamped addresses and not stored.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;

// HALF rounds the operands to f16; sums are f32.
// A conversion to f16 and back is optimised away on Mesa; this one is not.
fn rounded(v: vec4f) -> vec4f {
  if (HALF) {
    return quantizeToF16(v);
  }
  return v;
}

fn tile(row: u32, column: u32) -> array<vec4f, ROWS> {
  let k4 = params.K / 4u;
  let m4 = params.M / 4u;
  let n4 = params.N / 4u;
  let quad = min(column, n4 - 1u);
  var sums: array<vec4f, ROWS>;
  for (var s = 0u; s < k4; s++) {
    var x: array<vec4f, ROWS>; // row m, 4 values of k; where A is transposed: 4 rows at one k
    var w: mat4x4f; // w[j]: column quad at k = 4 s + j; where B is transposed: column j at 4 values of k
    if (A_TRANSPOSED) {
      for (var j = 0u; j < 4u; j++) {
        for (var m = 0u; m < ROWS / 4u; m++) {
          x[j * (ROWS / 4u) + m] = rounded(a[(4u * s + j) * m4 + min(row / 4u + m, m4 - 1u)]);
        }
      }
    } else {
      for (var m = 0u; m < ROWS; m++) {
        x[m] = rounded(a[min(row + m, params.M - 1u) * k4 + s]);
      }
    }
    if (B_TRANSPOSED) {
      for (var j = 0u; j < 4u; j++) {
        w[j] = rounded(b[(4u * quad + j) * k4 + s]);
      }
      w = transpose(w);
    } else {
      for (var j = 0u; j < 4u; j++) {
        w[j] = rounded(b[(4u * s + j) * n4 + quad]);
      }
    }
    for (var j = 0u; j < 4u; j++) {
      for (var m = 0u; m < ROWS; m++) {
        if (A_TRANSPOSED) {
          sums[m] = fma(vec4f(x[j * (ROWS / 4u) + m / 4u][m % 4u]), w[j], sums[m]);
        } else {
          sums[m] = fma(vec4f(x[m][j]), w[j], sums[m]);
        }
      }
    }
  }
  return sums;
}

@compute @workgroup_size(LANES)
fn product(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let quad = group.x * LANES + lane;
  var sums = tile(group.y * ROWS, quad);
  if (quad >= params.N / 4u) {
    return;
  }
  for (var m = 0u; m < ROWS; m++) {
    let row = group.y * ROWS + m;
    if (row < params.M) {
      let i = row * (params.N / 4u) + quad;
      if (ACCUMULATE) {
        c[i] += sums[m];
      } else {
        c[i] = sums[m];
      }
    }
  }
}

@compute @workgroup_size(LANES)
fn linear(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let quad = group.x * LANES + lane;
  var sums = tile(group.y * ROWS, quad);
  if (quad >= params.N / 4u) {
    return;
  }
  for (var m = 0u; m < ROWS; m++) {
    let row = group.y * ROWS + m;
    if (row < params.M) {
      c[row * (params.N / 4u) + quad] = activate(sums[m] + bias[quad]);
    }
  }
}

@compute @workgroup_size(LANES)
fn linearKeep(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let quad = group.x * LANES + lane;
  var sums = tile(group.y * ROWS, quad);
  if (quad >= params.N / 4u) {
    return;
  }
  for (var m = 0u; m < ROWS; m++) {
    let row = group.y * ROWS + m;
    if (row < params.M) {
      let i = row * (params.N / 4u) + quad;
      let value = sums[m] + bias[quad];
      pre[i] = value;
      c[i] = activate(value);
    }
  }
}
