import { afterAll } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import type { DeviceOptions } from "../../engine/device.ts";
import { type Gpu, openGpu } from "../../engine/gpu.ts";

/** Opens the machine's GPU, or a software one, for a whole test file; closed after its last test. Await it at top level. */
export async function openTestGpu(options: DeviceOptions = {}): Promise<Gpu> {
  prepareDriver();
  const gpu = await openGpu(options);
  afterAll(() => gpu.close());
  return gpu;
}
