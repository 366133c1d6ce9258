// matmul-pack — an operand in panels, for matmul-broadcast: WIDTH rows of op(A), or columns of op(B), k by k, so that what a
// workgroup reads lies in one piece. Read as they lie, rows are kilobytes apart, and software adapters wait for each (bench/NOTES.md).
// x: rows [X, K], columns [K, X], as vec4: X % 4 = 0, K % 4 = 0   p: [ceil(X / WIDTH), K, WIDTH], past X copies of its end
// Mapping: rows: y = panel, a thread takes 4 x 4, so that a subgroup stays in the panel; columns: y and z = 4 k, a thread takes a quad of each.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> p: array<vec4f>;

const QUADS = WIDTH / 4u;

@compute @workgroup_size(LANES)
fn rows(@builtin(global_invocation_id) id: vec3u) {
  let k4 = params.K / 4u;
  let panel = id.y;
  let k = id.x / QUADS;
  let q = id.x % QUADS;
  if (k >= k4) {
    return;
  }
  let first = min(panel * QUADS + q, params.X / 4u - 1u) * params.K + k;
  let block = transpose(mat4x4f(x[first], x[first + k4], x[first + 2u * k4], x[first + 3u * k4]));
  let to = (panel * params.K + 4u * k) * QUADS + q;
  p[to] = block[0];
  p[to + QUADS] = block[1];
  p[to + 2u * QUADS] = block[2];
  p[to + 3u * QUADS] = block[3];
}

@compute @workgroup_size(LANES)
fn columns(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let x4 = params.X / 4u;
  let k = 4u * (id.z * groups.y + id.y);
  let panel = id.x / QUADS;
  if (panel * QUADS < x4 && k < params.K) {
    let source = k * x4 + min(id.x, x4 - 1u);
    let to = (panel * params.K + k) * QUADS + id.x % QUADS;
    p[to] = x[source];
    p[to + QUADS] = x[source + x4];
    p[to + 2u * QUADS] = x[source + 2u * x4];
    p[to + 3u * QUADS] = x[source + 3u * x4];
  }
}
