// What Dawn's Node binding does to the unwary, and that the engine guards against it.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { matmul, ParameterSet } from "../../engine/index.ts";
import { openTestGpu } from "../support/device.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const gpu = await openTestGpu();

it("survives garbage collection while a device is in use: the instance is pinned", async () => {
  for (let i = 0; i < 5; i++) {
    collect();
    const x = gpu.upload(Float32Array.of(i));
    expect(await gpu.read(x)).toEqual(Float32Array.of(i));
  }
});

it("sleeps while it waits for the device, instead of polling it from the event loop", async () => {
  const a = gpu.upload(new Float32Array(1 << 20), [1024, 1024]);
  const once = (): Promise<Float32Array> =>
    gpu.step("long", () => gpu.readLater(matmul(gpu, "NN", a, a)));
  await gpu.settle(once()); // compiles
  let turns = 0;
  let counting = true;
  const turn = (): void => {
    turns++;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  const start = performance.now();
  await gpu.settle(once());
  counting = false;
  // A plain await makes about 70 turns a millisecond (measured on two cores); asleep it is one.
  expect(turns).toBeLessThan(10 + 3 * (performance.now() - start));
});

it("turns an error the GPU reports into a DeviceError of the next call, and not into a log line", async () => {
  const set = new ParameterSet(gpu, {
    w: { shape: [4], parts: [{ name: "w", shape: [4] }], decay: true },
  });
  set.values.buffer.gpu.destroy();
  await expect(gpu.read(set.values)).rejects.toThrow(/destroyed/i);
});
