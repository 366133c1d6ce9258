import { describe, expect, it } from "vitest";
import { launchEach } from "../../engine/each.ts";
import { fill } from "../../kernels/fill.ts";
import { EACH, EACH_SOFTWARE } from "../../kernels/kernel.ts";
import { openAsBothKinds } from "../support/device.ts";

const [, scalar] = fill;

const ADAPTERS = await openAsBothKinds();

describe.each(ADAPTERS)("launchEach, the adapter taken for $adapter", ({ gpu, software }) => {
  const { LANES, TURNS } = software ? EACH_SOFTWARE : EACH;
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
