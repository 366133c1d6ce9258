import { describe, expect, it } from "vitest";
import { fillInto } from "../../../engine/ops/fill.ts";
import { Tensor } from "../../../engine/tensor.ts";
import { openTestGpu } from "../../support/device.ts";

const gpu = await openTestGpu();

/** Fills a tensor of `size` within a buffer of ones, and returns the buffer. */
async function filled(size: number, value: number, factor?: Tensor): Promise<Float32Array> {
  const whole = gpu.upload(new Float32Array(64 + size + 64).fill(1));
  fillInto(gpu, new Tensor([size], whole.buffer, 256), value, factor);
  return gpu.read(whole);
}

// On both sides of a vec4, of a workgroup's 64 threads of 8 elements, and of as many vec4s.
const SIZES = [1, 3, 4, 511, 512, 513, 2044, 2048, 2052, 70_001];

describe("fill", () => {
  it.each(SIZES)("writes %i elements and none beside them", async (size) => {
    const want = new Float32Array(64 + size + 64).fill(1).fill(-0.5, 64, 64 + size);
    expect(await filled(size, -0.5)).toEqual(want);
  });

  it.each(SIZES)("multiplies by a factor of the device, for %i elements", async (size) => {
    const factor = gpu.upload(Float32Array.of(4, 9));
    const want = new Float32Array(64 + size + 64).fill(1).fill(3, 64, 64 + size);
    expect(await filled(size, 0.75, factor)).toEqual(want);
  });
});
