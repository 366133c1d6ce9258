import { describe, expect, it } from "vitest";
import { launchEach } from "../../engine/each.ts";
import type { Gpu } from "../../engine/gpu.ts";
import { fill } from "../../kernels/fill.ts";
import { EACH, EACH_SOFTWARE } from "../../kernels/kernel.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();
const [, scalar] = fill;

/** The test's GPU, for launchEach alone, as an adapter of one kind or the other. */
const as = (software: boolean): Gpu =>
  Object.create(gpu, {
    info: { value: { ...gpu.info, software } },
    launch: { value: gpu.launch.bind(gpu) },
  }) as Gpu;

describe.each([
  { software: false, ...EACH },
  { software: true, ...EACH_SOFTWARE },
])("launchEach, software adapter: $software", ({ software, LANES, TURNS }) => {
  const piece = LANES * TURNS;

  it.each([1, LANES - 1, LANES, LANES + 1, piece - 1, piece, piece + 1, 5 * piece + 3])(
    "goes over each of %i elements and none behind them",
    async (N) => {
      const read = gpu.step(`each ${software} ${N}`, () => {
        const y = gpu.upload(new Float32Array(N + piece).fill(2));
        launchEach(as(software), scalar, "forward", { y }, { N, value: 7 }, N);
        return gpu.readLater(y);
      });
      const want = new Float32Array(N + piece).fill(2).fill(7, 0, N);
      expect(await gpu.settle(read)).toEqual(want);
    },
  );
});
