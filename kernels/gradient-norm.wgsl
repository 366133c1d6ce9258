// gradient-norm — norm = sqrt(sum x^2); factor = min(1, max_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_.
// x: [N], N % 4 = 0   partial: [P]   state: [norm, factor, finite, loss scale], factor and finite 0 when the norm is NaN or infinite.
// partial: P workgroups, each adds up a piece of x.   total: one workgroup. The factor never leaves the device: adamw reads it.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partial_out: array<f32>;
@group(0) @binding(1) var<storage, read> partial_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss_scale: array<f32>;

@compute @workgroup_size(LANES)
fn partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let count = params.N / 4u;
  let each = (count + groups.x - 1u) / groups.x;
  var sums = vec4f();
  for (var i = group.x * each + lane; i < min((group.x + 1u) * each, count); i += LANES) {
    let v = x[i];
    sums += v * v;
  }
  let total = workgroup_sum((sums.x + sums.y) + (sums.z + sums.w), lane);
  if (lane == 0u) {
    partial_out[params.first + group.x] = total;
  }
}

// The gradients hold `scale` times the true ones. Returns whether the norm is finite.
fn finish(sum: f32, scale: f32) -> bool {
  let norm = sqrt(sum) / scale;
  // By its bits, and the sum's, which was loaded: of what they computed, compilers may assume that it is never NaN or infinite.
  let finite = (bitcast<u32>(sum) & 0x7f800000u) != 0x7f800000u;
  let clip = params.max_norm > 0.0;
  let factor = select(1.0, min(1.0, params.max_norm / (norm + 1e-6)), clip) / scale;
  state[0] = norm;
  state[1] = select(0.0, factor, finite);
  state[2] = select(0.0, 1.0, finite);
  state[3] = scale;
  return finite;
}

fn sum_of_partials(lane: u32) -> f32 {
  var sum = 0.0;
  for (var p = lane; p < params.N; p += LANES) {
    sum += partial_in[p];
  }
  return workgroup_sum(sum, lane);
}

@compute @workgroup_size(LANES)
fn total(@builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let sum = sum_of_partials(lane);
  if (lane == 0u) {
    finish(sum, 1.0);
  }
}

// Dynamic loss scaling (Micikevicius et al. 2018, arXiv:1710.03740) with torch.amp.GradScaler's numbers: half the scale when
// a gradient is not finite, twice after 2,000 steps in a row that are. loss_scale: [scale, steps in a row].
@compute @workgroup_size(LANES)
fn totalScaled(@builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let sum = sum_of_partials(lane);
  if (lane == 0u) {
    let scale = loss_scale[0];
    let finite = finish(sum, scale);
    let grown = finite && loss_scale[1] >= 1999.0;
    loss_scale[0] = select(max(0.5 * scale, 1.0), select(scale, min(2.0 * scale, 16777216.0), grown), finite);
    loss_scale[1] = select(0.0, loss_scale[1] + 1.0, finite && !grown);
  }
}
