// gradient-norm — norm = sqrt(sum x^2); factor = min(1, max_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_.
// x: [N]   partial: [P]   state: [norm, factor, finite], the factor 0 and finite 0 when the norm is NaN or infinite.
// partial: P workgroups stride over x.   total: one workgroup. The factor never leaves the device: adamw reads it.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial_out: array<f32>;
@group(0) @binding(1) var<storage, read> partial_in: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;

@compute @workgroup_size(LANES)
fn partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = group.x * LANES + lane; i < params.N; i += groups.x * LANES) {
    sum += x[i] * x[i];
  }
  let total = workgroup_sum(sum, lane);
  if (lane == 0u) {
    partial_out[params.first + group.x] = total;
  }
}

@compute @workgroup_size(LANES)
fn total(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var p = lane; p < params.N; p += LANES) {
    sum += partial_in[p];
  }
  let norm = sqrt(workgroup_sum(sum, lane));
  if (lane == 0u) {
    // By its bits: compilers may assume that no value is NaN, so norm != norm is never true.
    let finite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
    let clip = params.max_norm > 0.0;
    let factor = select(1.0, min(1.0, params.max_norm / (norm + 1e-6)), clip);
    state[0] = norm;
    state[1] = select(0.0, factor, finite);
    state[2] = select(0.0, 1.0, finite);
  }
}
