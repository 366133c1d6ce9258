import { describe, expect, it } from "vitest";
import { dropout } from "../../../engine/ops/dropout.ts";
import { elementCount } from "../../../engine/shape.ts";
import * as reference from "../../reference/dropout.ts";
import { checkOp } from "../../support/check-op.ts";
import { openTestGpu } from "../../support/device.ts";

const gpu = await openTestGpu();
const exact = { rtol: 1e-6, atol: 0 }; // one product, rounded

describe("dropout", () => {
  it.each([
    [[1], 0.5],
    [[65], 0.1],
    [[3, 5, 77], 0.3],
    [[40, 33], 0.999],
  ] as const)("on %j with p %d keeps what the counter says, forward and backward", (shape, p) => {
    const key = { key0: 0xdeadbeef, key1: 0x80000001 };
    const size = elementCount(shape);
    const mask = reference.dropoutMask(size, p, key);
    return checkOp(gpu, {
      name: `dropout ${p}`,
      inputs: { x: shape },
      op: ({ x }) => dropout(gpu, x, p, key),
      forward: ({ x }) => reference.dropout(x, mask),
      backward: (_, dy) => ({ x: reference.dropout(dy, mask) }),
      tolerance: exact,
    });
  });

  it("keeps a share 1 - p of many ones, unlike for every other key and position", async () => {
    const n = 200_000;
    const ones = gpu.upload(new Float32Array(n).fill(1));
    const run = (key0: number, key1: number) => gpu.read(dropout(gpu, ones, 0.1, { key0, key1 }));
    const masks = [await run(1, 2), await run(1, 3), await run(2, 2)];
    for (const y of masks) {
      const kept = y.filter((value) => value !== 0);
      expect(kept.every((value) => value === Math.fround(1 / 0.9))).toBe(true);
      expect(Math.abs(kept.length / n - 0.9)).toBeLessThan(0.004); // deviation 0.0007
      // Neighbours are independent: both of a pair are dropped one time in 100.
      let both = 0;
      for (let i = 1; i < n; i++) if (y[i] === 0 && y[i - 1] === 0) both++;
      expect(Math.abs(both / n - 0.01)).toBeLessThan(0.002); // deviation 0.0003
    }
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const same = masks[a]!.filter((value, i) => value === 0 && masks[b]![i] === 0).length;
      expect(Math.abs(same / n - 0.01)).toBeLessThan(0.002);
    }
  });

  it("returns its input itself for p 0 and refuses a p that is no probability below 1", () => {
    const x = gpu.empty([4]);
    const key = { key0: 0, key1: 0 };
    expect(dropout(gpu, x, 0, key)).toBe(x);
    for (const p of [1, -0.1, NaN, 2]) {
      expect(() => dropout(gpu, x, p, key)).toThrow(`probability must be in [0, 1); got ${p}`);
    }
  });
});
