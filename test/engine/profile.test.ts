import { expect, it } from "vitest";
import { hasTimestamps } from "../../engine/index.ts";
import { durations } from "../../engine/profile.ts";
import { activation } from "../../engine/ops/index.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();

it("gives time that two passes share to the first, as where begins are stamped early", () => {
  const ms = (...stamps: number[]): number[] =>
    durations(BigUint64Array.from(stamps, (stamp) => BigInt(stamp * 1e6)));
  expect(ms(5, 8, 9, 13)).toEqual([3, 4]);
  expect(ms(5, 8, 5, 13, 6, 14)).toEqual([3, 5, 1]); // all begun at once, done one after the other
  expect(ms(5, 20, 6, 8, 21, 22)).toEqual([15, 0, 1]);
});

it.skipIf(!hasTimestamps(gpu.info))(
  "counts the launches of each entry, and no more time than passed (needs timestamps)",
  async () => {
    const x = gpu.upload(new Float32Array(1 << 16).fill(0.5));
    const started = performance.now();
    const spans = await gpu.profile(async () => {
      for (let i = 0; i < 3; i++) gpu.release(activation(gpu, x, "gelu"));
      await gpu.read(x);
    });
    const wall = performance.now() - started;
    expect(spans.map(({ label, count }) => [label, count])).toEqual([["activation/forward", 3]]);
    expect(spans[0]!.ms).toBeGreaterThan(0);
    expect(spans[0]!.ms).toBeLessThan(wall);
  },
);
