import { afterAll } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { type AdapterInfo, type DeviceOptions, openDevice } from "../../engine/device.ts";
import { Gpu } from "../../engine/gpu.ts";

/**
 * Opens the machine's GPU, or a software one, for a whole test file; closed after its last test. Its buffers are used ones.
 * `taken` replaces what the adapter says of itself: { software: false } gets a GPU's kernels. Await it at top level.
 */
export async function openTestGpu(
  options: DeviceOptions = {},
  taken: Partial<AdapterInfo> = {},
): Promise<Gpu> {
  prepareDriver();
  const { device, info } = await openDevice(options);
  const gpu = new Gpu(device, { ...info, ...taken }, options.precision);
  afterAll(() => gpu.close());
  soil(gpu);
  return gpu;
}

/** The machine's adapter twice, taken for a GPU and for a software one: kernels that divide their work otherwise run in both ways. */
export const openAsBothKinds = (): Promise<{ adapter: string; software: boolean; gpu: Gpu }[]> =>
  Promise.all(
    [false, true].map(async (software) => ({
      adapter: software ? "a software one" : "a GPU",
      software,
      gpu: await openTestGpu({}, { software }),
    })),
  );

/** Leaves NaN in free buffers of many sizes: a new buffer holds zeros, and would hide a read of what nobody wrote. */
function soil(gpu: Gpu): void {
  const tensors = [];
  for (let elements = 64; elements <= 1 << 16; elements *= 2) {
    const nan = new Float32Array(elements).fill(NaN);
    for (let i = 0; i < 8; i++) {
      const work = gpu.empty([elements]);
      gpu.set(work, nan);
      tensors.push(work, gpu.upload(nan));
    }
  }
  for (const tensor of tensors) gpu.release(tensor);
}
