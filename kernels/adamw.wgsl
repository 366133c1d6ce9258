// adamw — decoupled weight decay, Loshchilov and Hutter 2019, arXiv:1711.05101, in the order torch.optim.AdamW uses:
//   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps)
// with g the gradient times the clip factor, c1 = 1 - b1^t, root_c2 = sqrt(1 - b2^t).
// gradient, parameter, m, v: [N] slices of the flat buffers, N % 4 = 0   state: gradient-norm's.   One thread per 4 elements.
// Elements before `decayed`, a multiple of 4, decay, the rest (biases, LayerNorms) do not. A non-finite gradient changes nothing.
// The gradient is cleared where it is read, which saves the next step a pass over memory.
@group(0) @binding(0) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;

@compute @workgroup_size(LANES)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(group, groups) * LANES + lane;
  if (4u * i >= params.N) {
    return;
  }
  let g = gradient[i] * state[1];
  gradient[i] = vec4f();
  if (state[2] == 0.0) {
    return;
  }
  let m1 = params.beta1 * m[i] + params.one_minus_beta1 * g;
  let v1 = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  m[i] = m1;
  v[i] = v1;
  let decay = select(0.0, params.lr * params.weight_decay, 4u * i < params.decayed);
  let p = parameter[i] * (1.0 - decay);
  parameter[i] = p - params.step_size * (m1 / (sqrt(v1) / params.root_c2 + params.eps));
}
