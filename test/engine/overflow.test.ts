import { describe, expect, it } from "vitest";
import { openGpu } from "../../engine/open.ts";
import { PrecisionError } from "../../engine/errors.ts";
import { requireOverflow } from "../../engine/overflow.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();
const half = gpu.info.features.includes("shader-f16");

describe.skipIf(!half)(`an adapter of f16${half ? "" : " (skipped: this one is none)"}`, () => {
  it("is opened when what is too large becomes an infinity", async () => {
    const opened = await openGpu({ precision: "f16" });
    expect(opened.precision).toBe("f16");
    expect(opened.poolBuffers).toBeGreaterThan(0); // it was tried
    opened.close();
  });
});

it("an adapter that makes a number of it is closed and refused", async () => {
  const { name } = gpu.info;
  let closed = 0;
  const rounding = {
    info: gpu.info,
    upload: gpu.upload.bind(gpu),
    empty: gpu.empty.bind(gpu),
    release: gpu.release.bind(gpu),
    launch: () => undefined,
    // 65504, the largest of f16, twice to a word
    read: () => Promise.resolve(new Float32Array(Uint32Array.of(0xfbff7bff, 0xfbff7bff).buffer)),
    close: () => void closed++,
  };
  const refused = requireOverflow(rounding);
  await expect(refused).rejects.toBeInstanceOf(PrecisionError);
  await expect(refused).rejects.toThrow(
    `gpu: precision f16 needs an adapter where 1e6 becomes an infinity; ${name} makes it a number. Use f32.`,
  );
  expect(closed).toBe(1);
});
