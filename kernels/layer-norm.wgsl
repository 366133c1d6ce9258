// layer-norm — y = (s - mean) * rstd * gamma + beta over the last axis, s = x or x + residual.
// Ba et al. 2016, arXiv:1607.06450; the sum first is BERT's and ALBERT's post-norm residual.
// x, residual, sum, y, dy, dx: [R, C]   gamma, beta: [C]   mean, rstd: [R], saved by forward for backward
// partial_gamma, partial_beta: [P, C], summed by column-sum/total.
// Mapping: a workgroup takes one row, over which LANES threads stride, or GROUP_ROWS rows with a thread each (LANES = 1);
// backwardParams: one thread per Real of columns and block of ROWS rows.
// The variance takes a second pass over the row: E[s^2] - E[s]^2 cancels in f32.
@group(0) @binding(0) var<storage, read> x: array<Real>;
@group(0) @binding(1) var<storage, read> residual: array<Real>;
@group(0) @binding(2) var<storage, read> gamma: array<Real>;
@group(0) @binding(3) var<storage, read> beta: array<Real>;
@group(0) @binding(4) var<storage, read_write> sum: array<Real>;
@group(0) @binding(5) var<storage, read_write> y: array<Real>;
@group(0) @binding(6) var<storage, read_write> mean_out: array<f32>;
@group(0) @binding(7) var<storage, read_write> rstd_out: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<Real>;
@group(0) @binding(6) var<storage, read> mean: array<f32>;
@group(0) @binding(7) var<storage, read> rstd: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<Real>;
@group(0) @binding(4) var<storage, read_write> partial_gamma: array<Real>;
@group(0) @binding(5) var<storage, read_write> partial_beta: array<Real>;

// Of a row behind the last there are none: its threads do nothing, but come to every barrier.
fn columns_of(r: u32) -> u32 {
  return select(0u, params.C / WIDTH, r < params.R);
}

@compute @workgroup_size(LANES * GROUP_ROWS)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x % LANES;
  let r = linear_workgroup(group, groups) * GROUP_ROWS + thread.x / LANES;
  let columns = columns_of(r);
  let row = r * columns;
  var total = Real();
  for (var c = lane; c < columns; c += LANES) {
    total += x[row + c];
  }
  let m = workgroup_sum(across(total), lane) / f32(params.C);
  var squares = Real();
  for (var c = lane; c < columns; c += LANES) {
    let d = x[row + c] - m;
    squares += d * d;
  }
  let s = inverseSqrt(workgroup_sum(across(squares), lane) / f32(params.C) + params.eps);
  for (var c = lane; c < columns; c += LANES) {
    y[row + c] = (x[row + c] - m) * s * gamma[c] + beta[c];
  }
  if (lane == 0u && r < params.R) {
    mean_out[r] = m;
    rstd_out[r] = s;
  }
}

@compute @workgroup_size(LANES * GROUP_ROWS)
fn forwardResidual(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x % LANES;
  let r = linear_workgroup(group, groups) * GROUP_ROWS + thread.x / LANES;
  let columns = columns_of(r);
  let row = r * columns;
  var total = Real();
  for (var c = lane; c < columns; c += LANES) {
    let s = x[row + c] + residual[row + c];
    sum[row + c] = s; // read back below by the same thread only
    total += s;
  }
  let m = workgroup_sum(across(total), lane) / f32(params.C);
  var squares = Real();
  for (var c = lane; c < columns; c += LANES) {
    let d = sum[row + c] - m;
    squares += d * d;
  }
  let s = inverseSqrt(workgroup_sum(across(squares), lane) / f32(params.C) + params.eps);
  for (var c = lane; c < columns; c += LANES) {
    y[row + c] = (sum[row + c] - m) * s * gamma[c] + beta[c];
  }
  if (lane == 0u && r < params.R) {
    mean_out[r] = m;
    rstd_out[r] = s;
  }
}

// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma,  xhat = (x - mean) * rstd.
@compute @workgroup_size(LANES * GROUP_ROWS)
fn backwardInput(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x % LANES;
  let r = linear_workgroup(group, groups) * GROUP_ROWS + thread.x / LANES;
  let columns = columns_of(r);
  let row = r * columns;
  let m = mean[r];
  let s = rstd[r];
  var g_sum = Real();
  var gx_sum = Real();
  for (var c = lane; c < columns; c += LANES) {
    let g = dy[row + c] * gamma[c];
    g_sum += g;
    gx_sum += g * (x[row + c] - m) * s;
  }
  let g_mean = workgroup_sum(across(g_sum), lane) / f32(params.C);
  let gx_mean = workgroup_sum(across(gx_sum), lane) / f32(params.C);
  for (var c = lane; c < columns; c += LANES) {
    let xhat = (x[row + c] - m) * s;
    let gradient = s * (dy[row + c] * gamma[c] - g_mean - xhat * gx_mean);
    if (ACCUMULATE) {
      dx[row + c] += gradient;
    } else {
      dx[row + c] = gradient;
    }
  }
}

@compute @workgroup_size(LANES)
fn backwardParams(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let c = group.x * LANES + lane;
  let columns = params.C / WIDTH;
  if (c >= columns) {
    return;
  }
  let begin = group.y * ROWS;
  let end = min(begin + ROWS, params.R);
  var dgamma = Real();
  var dbeta = Real();
  for (var r = begin; r < end; r++) {
    let g = dy[r * columns + c];
    dgamma += g * (x[r * columns + c] - mean[r]) * rstd[r];
    dbeta += g;
  }
  partial_gamma[group.y * columns + c] = dgamma;
  partial_beta[group.y * columns + c] = dbeta;
}
