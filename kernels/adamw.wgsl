// adamw — decoupled weight decay, Loshchilov and Hutter 2019, arXiv:1711.05101, in the order torch.optim.AdamW uses:
//   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps)
// with g the gradient times the clip factor, c1 = 1 - b1^t, root_c2 = sqrt(1 - b2^t).
// gradient, parameter, m, v: [N] slices of the flat buffers, N % 4 = 0   state: gradient-norm's.
// Mapping: shared/each.wgsl, by vec4s.
// Elements before `decayed`, a multiple of 4, decay, the rest (biases, LayerNorms) do not. A non-finite gradient changes nothing.
// corrections: [c1, c2], where t counts the updates made, which only the device knows when some are left out; `correct`, one
// thread, counts one more, and `updateCorrected` has c1 and c2 from there.
@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<storage, read> corrections: array<f32>;
@group(0) @binding(5) var<storage, read_write> corrections_out: array<f32>;

// By 1 - b^(t + 1) = b (1 - b^t) + (1 - b): a power in f32 would leave few digits of 1 - 0.999.
@compute @workgroup_size(1)
fn correct() {
  if (state[2] != 0.0) {
    corrections_out[0] = params.beta1 * corrections_out[0] + params.one_minus_beta1;
    corrections_out[1] = params.beta2 * corrections_out[1] + params.one_minus_beta2;
  }
}

fn update_piece(piece: vec2u, lane: u32, step_size: f32, root_c2: f32) {
  if (state[2] == 0.0) {
    return;
  }
  let factor = state[1];
  for (var i = piece.x + lane; i < piece.y; i += LANES) {
    let g = gradient[i] * factor;
    let m1 = params.beta1 * m[i] + params.one_minus_beta1 * g;
    let v1 = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
    m[i] = m1;
    v[i] = v1;
    let decay = select(0.0, params.lr * params.weight_decay, 4u * i < params.decayed);
    let p = parameter[i] * (1.0 - decay);
    parameter[i] = p - step_size * (m1 / (sqrt(v1) / root_c2 + params.eps));
  }
}

@compute @workgroup_size(LANES)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  update_piece(piece_of(linear_workgroup(group, groups), params.N / 4u), thread.x, params.step_size, params.root_c2);
}

@compute @workgroup_size(LANES)
fn updateCorrected(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let piece = piece_of(linear_workgroup(group, groups), params.N / 4u);
  update_piece(piece, thread.x, params.lr / corrections[0], sqrt(corrections[1]));
}
