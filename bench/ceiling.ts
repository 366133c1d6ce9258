import { launchEach } from "../engine/each.ts";
import type { Gpu } from "../engine/index.ts";
import { defineKernel, EACH } from "../kernels/kernel.ts";
import { type Ceiling, time } from "./harness.ts";

const STEPS = 4096;

const kernel = defineKernel("ceiling", {
  files: ["./shared/index.wgsl", "./shared/each.wgsl", "../bench/ceiling.wgsl"],
  params: { N: "u32" },
  constants: { ...EACH, STEPS },
  entries: { multiplyAdd: ["x", "y"], copy: ["x", "y"] },
});

/** Measures the best multiply-add rate and copy rate of the adapter: the fastest of several runs. */
export async function measureCeiling(gpu: Gpu): Promise<Ceiling> {
  const { software } = gpu.info;
  const groups = software ? 64 : 4096;
  const N = software ? 1 << 20 : 1 << 23; // vec4s: 16 or 128 MiB
  const x = gpu.upload(new Float32Array(4 * N).fill(0.5), [4 * N]);
  const y = gpu.empty([4 * N]);
  const probe = gpu.empty([1]);
  const fastest = async (entry: "multiplyAdd" | "copy", launch: () => void): Promise<number> => {
    const times = await time(gpu, launch, probe, 8);
    return Math.min(...(times.get(`ceiling/${entry}`) ?? times.get("wall")!).each);
  };
  const fma = await fastest("multiplyAdd", () =>
    gpu.launch(kernel, "multiplyAdd", { x, y }, { N }, [groups, 1, 1]),
  );
  const copy = await fastest("copy", () => launchEach(gpu, kernel, "copy", { x, y }, { N }, N));
  for (const tensor of [x, y, probe]) gpu.release(tensor);
  const flops = groups * EACH.LANES * STEPS * 3 * 4 * 2; // 3 chains of vec4, a multiply and an add each
  return { gflops: flops / fma / 1e6, gbps: (2 * 16 * N) / copy / 1e6 };
}
