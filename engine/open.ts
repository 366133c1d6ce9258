import { type DeviceOptions, openDevice } from "./device.ts";
import { Gpu } from "./gpu.ts";
import { requireOverflow } from "./overflow.ts";

/** Opens the preferred GPU. Throws DeviceError when no adapter works, PrecisionError when it lacks the precision. The caller closes it. */
export async function openGpu(options: DeviceOptions = {}): Promise<Gpu> {
  const { device, info } = await openDevice(options);
  const gpu = new Gpu(device, info, options.precision);
  if (options.precision === "f16") await requireOverflow(gpu);
  return gpu;
}
