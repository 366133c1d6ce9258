// matmul-pack — an operand in panels, for matmul-broadcast: WIDTH rows of op(A), or columns of op(B), k by k, so that what a
// workgroup reads lies in one piece. Read as they lie, rows are kilobytes apart, and software adapters wait for each (bench/NOTES.md).
// x: rows [X, K], columns [K, X], as vec4: X % 4 = 0, K % 4 = 0   p: [ceil(X / WIDTH), K, WIDTH], past X copies of its end
// Mapping: workgroups in x as in shared/each.wgsl; rows: y = panel, 4 x 4 at a time, so that a subgroup stays in the panel;
// columns: y and z = 4 k, a quad of each at a time.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> p: array<vec4f>;

const QUADS = WIDTH / 4u;

@compute @workgroup_size(LANES)
fn rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let k4 = params.K / 4u;
  let panel = group.y;
  let piece = piece_of(group.x, k4 * QUADS);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let k = i / QUADS;
    let q = i % QUADS;
    let first = min(panel * QUADS + q, params.X / 4u - 1u) * params.K + k;
    let block = transpose(mat4x4f(x[first], x[first + k4], x[first + 2u * k4], x[first + 3u * k4]));
    let to = (panel * params.K + 4u * k) * QUADS + q;
    p[to] = block[0];
    p[to + QUADS] = block[1];
    p[to + 2u * QUADS] = block[2];
    p[to + 3u * QUADS] = block[3];
  }
}

@compute @workgroup_size(LANES)
fn columns(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let k = 4u * (group.z * groups.y + group.y);
  if (k >= params.K) {
    return;
  }
  let x4 = params.X / 4u;
  let panels = (x4 + QUADS - 1u) / QUADS;
  let piece = piece_of(group.x, panels * QUADS);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let source = k * x4 + min(i, x4 - 1u);
    let to = (i / QUADS * params.K + k) * QUADS + i % QUADS;
    p[to] = x[source];
    p[to + QUADS] = x[source + x4];
    p[to + 2u * QUADS] = x[source + 2u * x4];
    p[to + 3u * QUADS] = x[source + 3u * x4];
  }
}
