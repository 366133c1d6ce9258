import { afterAll } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { openDevice } from "../../engine/device.ts";
import { Gpu } from "../../engine/gpu.ts";

/**
 * This machine's adapter taken for a GPU with so little workgroup memory that few kernels remain to choose from, the
 * smallest tile and the same with K split: what a tuner does on a GPU, in the time of a test.
 */
export async function openSmallTiles(): Promise<Gpu> {
  prepareDriver();
  const { device, info } = await openDevice();
  const limits = { ...info.limits, maxComputeWorkgroupStorageSize: 5000 };
  const gpu = new Gpu(device, { ...info, limits, software: false, matrixShapes: [] });
  afterAll(() => gpu.close());
  return gpu;
}
