// column-sum — y[c] (+)= sum over r of x[r, c], in two stages and a fixed order.   x: [R, C]   partial: [P, C]   y: [C]
// partial: workgroup (column block, p) adds ROWS rows; one thread per Real of columns.
// total: SHARES threads per Real of columns, each adds every SHARES-th of P rows; the first adds what the others have.
@group(0) @binding(0) var<storage, read> x: array<Real>;
@group(0) @binding(1) var<storage, read_write> partial_out: array<Real>;
@group(0) @binding(1) var<storage, read> partial_in: array<Real>;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;
var<workgroup> shares: array<Real, LANES * SHARES>;

@compute @workgroup_size(LANES)
fn partial(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let c = group.x * LANES + lane;
  let columns = params.C / WIDTH;
  if (c >= columns) {
    return;
  }
  let begin = group.y * ROWS;
  let end = min(begin + ROWS, params.R);
  var sum = Real();
  for (var r = begin; r < end; r++) {
    sum += x[r * columns + c];
  }
  partial_out[group.y * columns + c] = sum;
}

@compute @workgroup_size(LANES, SHARES)
fn total(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let c = group.x * LANES + lane;
  let columns = params.C / WIDTH;
  var sum = Real();
  if (c < columns) {
    for (var p = thread.y; p < params.R; p += SHARES) {
      sum += partial_in[p * columns + c];
    }
  }
  if (SHARES > 1u) {
    shares[thread.y * LANES + lane] = sum;
    workgroupBarrier(); // shares written
  }
  if (thread.y > 0u || c >= columns) {
    return;
  }
  for (var share = 1u; share < SHARES; share++) {
    sum += shares[share * LANES + lane];
  }
  if (ACCUMULATE) {
    y[c] += sum;
  } else {
    y[c] = sum;
  }
}
