// embedding — y[n] = sum over s of table[index[s, n]], rows of C elements; index holds element offsets of rows in table.
// table: flat   index: [S, R]   y: [R, C].   Mapping: shared/each.wgsl, by Reals of y and of sums.
// backward adds groups of rows with one owner each, so no atomics and one order:
//   target[owner] (+)= sum of source[item] for item in items[offsets[owner] .. offsets[owner + 1]]
// It runs twice: tokens into chunks of bounded length, then chunks into table rows, so that a frequent token does not make
// one thread walk thousands of rows. targets hold element offsets in `sums`.   R = number of owners.
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<Real>;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;
@group(0) @binding(0) var<storage, read> offsets: array<u32>;
@group(0) @binding(1) var<storage, read> items: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<Real>;
@group(0) @binding(4) var<storage, read_write> sums: array<Real>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let columns = params.C / WIDTH;
  let piece = piece_of(linear_workgroup(group, groups), params.R * columns);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let n = i / columns;
    let c = i % columns;
    var sum = Real();
    for (var s = 0u; s < params.S; s++) {
      sum += table[index[s * params.R + n] / WIDTH + c];
    }
    y[i] = sum;
  }
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let columns = params.C / WIDTH;
  let piece = piece_of(linear_workgroup(group, groups), params.R * columns);
  for (var i = piece.x + thread.x; i < piece.y; i += LANES) {
    let owner = i / columns;
    let c = i % columns;
    var sum = Real();
    for (var k = offsets[owner]; k < offsets[owner + 1u]; k++) {
      sum += source[items[k] * columns + c];
    }
    let to = targets[owner] / WIDTH + c;
    if (ACCUMULATE) {
      sums[to] += sum;
    } else {
      sums[to] = sum;
    }
  }
}
