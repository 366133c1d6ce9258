// cross-entropy — loss = mean over r of (log sum exp logits[r] - logits[r, label[r]]); probs = softmax(logits), kept for
// backward: dlogits = (probs - onehot(label)) * dloss / R.   logits, probs, dlogits: [R, C]   labels, losses: [R]   loss, dloss: [1]
// Mapping: forward: a thread takes a whole row (C is the number of classes); mean: one workgroup; backward: a thread per element,
// classes in x, rows in y and z.
@group(0) @binding(0) var<storage, read> labels: array<u32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> probs_out: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses_out: array<f32>;
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@group(0) @binding(1) var<storage, read> probs: array<f32>;
@group(0) @binding(2) var<storage, read> dloss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  let r = linear_workgroup(group, groups) * LANES + lane;
  if (r >= params.R) {
    return;
  }
  let row = r * params.C;
  var largest = logits[row];
  for (var c = 1u; c < params.C; c++) {
    largest = max(largest, logits[row + c]);
  }
  var exps = 0.0;
  for (var c = 0u; c < params.C; c++) {
    exps += exp(logits[row + c] - largest);
  }
  for (var c = 0u; c < params.C; c++) {
    probs_out[row + c] = exp(logits[row + c] - largest) / exps;
  }
  losses_out[r] = log(exps) + largest - logits[row + labels[r]];
}

@compute @workgroup_size(LANES)
fn mean(@builtin(local_invocation_id) thread: vec3u) {
  let lane = thread.x;
  var sum = 0.0;
  for (var r = lane; r < params.R; r += LANES) {
    sum += losses[r];
  }
  let total = workgroup_sum(sum, lane);
  if (lane == 0u) {
    loss[0] = total / f32(params.R);
  }
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let c = group.x * LANES + thread.x;
  let r = group.z * groups.y + group.y;
  if (c >= params.C || r >= params.R) {
    return;
  }
  let i = r * params.C + c;
  let hit = select(0.0, 1.0, c == labels[r]);
  let gradient = (probs[i] - hit) * dloss[0] / f32(params.R);
  if (ACCUMULATE) {
    dlogits[i] += gradient;
  } else {
    dlogits[i] = gradient;
  }
}
