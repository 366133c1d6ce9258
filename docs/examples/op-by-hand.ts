// An op of your own: a WGSL kernel, its launch, its backward, and a check against finite differences.
//   node op-by-hand.js

import { defineKernel, grid, type Gpu, openGpu, type Tensor } from "albert-gpu/engine";

// y = x^3 and dx (+)= 3 x^2 dy, one thread an element. The engine puts `params` and the constants before the source.
const kernel = defineKernel("cube", {
  files: [], // .wgsl files, as file: URLs
  generated: `
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read> dy: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @group(0) @binding(2) var<storage, read_write> dx: array<f32>;

    @compute @workgroup_size(64)
    fn forward(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < params.N) { y[id.x] = x[id.x] * x[id.x] * x[id.x]; }
    }

    @compute @workgroup_size(64)
    fn backward(@builtin(global_invocation_id) id: vec3u) {
      if (id.x >= params.N) { return; }
      let gradient = 3.0 * x[id.x] * x[id.x] * dy[id.x];
      if (ACCUMULATE) { dx[id.x] += gradient; } else { dx[id.x] = gradient; }
    }`,
  params: { N: "u32" },
  constants: { ACCUMULATE: false },
  entries: { forward: ["x", "y"], backward: ["x", "dy", "dx"] },
});

/** x^3, element by element. x: [...] of fewer than 4 million elements; returns the same shape. */
function cube(gpu: Gpu, x: Tensor): Tensor {
  const [N, groups] = [x.size, grid(Math.ceil(x.size / 64))];
  const y = gpu.like(x);
  gpu.launch(kernel, "forward", { x, y }, { N }, groups);
  // The closure gets the gradient of y, and writes that of x where the tape says, or adds it to what is there.
  return gpu.tape.record(y, [x], [], (dy) => [
    (dx, ACCUMULATE) =>
      gpu.launch(kernel, "backward", { x, dy, dx }, { N }, groups, { ACCUMULATE }),
  ]);
}

const gpu = await openGpu();
console.log(`on ${gpu.info.name}`);
const values = Float32Array.of(-1.5, 0, 0.5, 2);
const ones = new Float32Array(values.length).fill(1);

// A step: what is made in it is freed at its end, and everything goes to the device at once.
const [y, dx] = await gpu.settle(
  gpu.step("cube", () => {
    const x = gpu.upload(values);
    const { value, gradients } = gpu.tape.derivatives([x], () => cube(gpu, x), gpu.upload(ones));
    return Promise.all([gpu.readLater(value), gpu.readLater(gradients[0]!)]);
  }),
);
gpu.close();

console.log("x      ", values.join(" "));
console.log("x^3    ", y.join(" "));
console.log("3 x^2  ", dx.join(" "));
const h = 1e-4;
for (const [i, x] of values.entries()) {
  const difference = ((x + h) ** 3 - (x - h) ** 3) / (2 * h);
  if (Math.abs(dx[i]! - difference) > 1e-3) throw new Error(`${dx[i]} is not ${difference}`);
}
console.log("the gradient agrees with finite differences");
