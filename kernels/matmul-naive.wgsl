// matmul-naive — C = op(A) op(B): one thread per element, any shape. The fallback for sizes the tiled kernels refuse
// (a classifier with 2 outputs, sizes that are no multiple of 4), and the definition the others are measured against.
// HALF rounds the operands to f16; sums are f32.
// a: [M, K], or [K, M] with A_TRANSPOSED   b: [K, N], or [N, K] with B_TRANSPOSED   c, pre: [M, N]   bias: [N]
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> pre: array<f32>;

fn rounded(value: f32) -> f32 {
  if (HALF) {
    return quantizeToF16(value);
  }
  return value;
}

fn element(m: u32, n: u32) -> f32 {
  var sum = 0.0;
  for (var k = 0u; k < params.K; k++) {
    let x = rounded(a[select(m * params.K + k, k * params.M + m, A_TRANSPOSED)]);
    let w = rounded(b[select(k * params.N + n, n * params.K + k, B_TRANSPOSED)]);
    sum = fma(x, w, sum);
  }
  return sum;
}

@compute @workgroup_size(8, 8)
fn product(@builtin(global_invocation_id) id: vec3u) {
  if (id.y >= params.M || id.x >= params.N) {
    return;
  }
  let i = id.y * params.N + id.x;
  let value = element(id.y, id.x);
  if (ACCUMULATE) {
    c[i] += value;
  } else {
    c[i] = value;
  }
}

@compute @workgroup_size(8, 8)
fn linear(@builtin(global_invocation_id) id: vec3u) {
  if (id.y >= params.M || id.x >= params.N) {
    return;
  }
  c[id.y * params.N + id.x] = activate(element(id.y, id.x) + bias[id.x]);
}

@compute @workgroup_size(8, 8)
fn linearKeep(@builtin(global_invocation_id) id: vec3u) {
  if (id.y >= params.M || id.x >= params.N) {
    return;
  }
  let i = id.y * params.N + id.x;
  let value = element(id.y, id.x) + bias[id.x];
  pre[i] = value;
  c[i] = activate(value);
}
