import { describe, expect, it } from "vitest";
import { launchEach } from "../../engine/each.ts";
import { fill } from "../../kernels/fill.ts";
import { EACH, EACH_SOFTWARE } from "../../kernels/kernel.ts";
import { openTestGpu } from "../support/device.ts";

const [, scalar] = fill;

describe.each([
  { adapter: "a GPU", gpu: await openTestGpu({}, { software: false }), ...EACH },
  { adapter: "a software one", gpu: await openTestGpu({}, { software: true }), ...EACH_SOFTWARE },
])("launchEach, the adapter taken for $adapter", ({ gpu, LANES, TURNS }) => {
  const piece = LANES * TURNS;

  it.each([1, LANES - 1, LANES, LANES + 1, piece - 1, piece, piece + 1, 5 * piece + 3])(
    "goes over each of %i elements and none behind them",
    async (N) => {
      const read = gpu.step(`each ${N}`, () => {
        const y = gpu.upload(new Float32Array(N + piece).fill(2));
        launchEach(gpu, scalar, "forward", { y }, { N, value: 7 }, N);
        return gpu.readLater(y);
      });
      const want = new Float32Array(N + piece).fill(2).fill(7, 0, N);
      expect(await gpu.settle(read)).toEqual(want);
    },
  );
});
