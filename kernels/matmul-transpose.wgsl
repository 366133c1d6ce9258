// matmul-transpose — t = aᵀ, for kernels that read an operand one way only.   a: [R, C]   t: [C, R], as vec4: R % 4 = C % 4 = 0
// Mapping: one thread per block of 4 x 4; x counts quads of rows, so that a workgroup's stores lie side by side.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> t: array<vec4f>;

@compute @workgroup_size(LANES)
fn transposed(@builtin(global_invocation_id) id: vec3u) {
  let r4 = params.R / 4u;
  let c4 = params.C / 4u;
  let r = id.x;
  let c = id.y;
  if (r >= r4) {
    return;
  }
  let block = transpose(mat4x4f(
    a[4u * r * c4 + c],
    a[(4u * r + 1u) * c4 + c],
    a[(4u * r + 2u) * c4 + c],
    a[(4u * r + 3u) * c4 + c],
  ));
  t[4u * c * r4 + r] = block[0];
  t[(4u * c + 1u) * r4 + r] = block[1];
  t[(4u * c + 2u) * r4 + r] = block[2];
  t[(4u * c + 3u) * r4 + r] = block[3];
}
