// A GPU whose calls into WebGPU are counted from outside, so that the engine's own counters are not their only witness.

import { afterAll } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { openDevice } from "../../engine/device.ts";
import { Gpu } from "../../engine/gpu.ts";

export interface Counts {
  createBuffer: number;
  createBindGroup: number;
  createComputePipeline: number;
  createCommandEncoder: number;
  beginComputePass: number;
  submit: number;
}

const none = (): Counts => ({
  createBuffer: 0,
  createBindGroup: 0,
  createComputePipeline: 0,
  createCommandEncoder: 0,
  beginComputePass: 0,
  submit: 0,
});

/** Opens the machine's GPU for a test file; `take` returns the calls since it was last called. Closed after the last test. */
export async function openCountedGpu(): Promise<{ gpu: Gpu; take: () => Counts }> {
  prepareDriver();
  const { device, info } = await openDevice();
  let counts = none();
  const count = <T extends object>(
    target: T,
    name: keyof T & keyof Counts,
    then?: (result: unknown) => void,
  ): void => {
    const original = (target[name] as (...args: unknown[]) => unknown).bind(target);
    const counted = (...args: unknown[]): unknown => {
      counts[name]++;
      const result = original(...args);
      then?.(result);
      return result;
    };
    Object.defineProperty(target, name, { value: counted });
  };
  count(device, "createBuffer");
  count(device, "createBindGroup");
  count(device, "createComputePipeline");
  count(device, "createCommandEncoder", (encoder) =>
    count(encoder as GPUCommandEncoder, "beginComputePass"),
  );
  count(device.queue, "submit");
  const gpu = new Gpu(device, info);
  afterAll(() => gpu.close());
  return {
    gpu,
    take: () => {
      const taken = counts;
      counts = none();
      return taken;
    },
  };
}
