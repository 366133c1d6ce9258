import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../engine/index.ts";
import { dryRun } from "../../train/dry-run.ts";
import { planMemory } from "../../train/memory.ts";
import { openTestGpu } from "../support/device.ts";
import { microModel, microRun, microSet, MICRO_ARGUMENTS, weightsOf } from "./micro-run.ts";

const gpu = await openTestGpu();

/** Bytes of it that this process has, on Linux. */
const addressSpace = (): number =>
  1024 * Number(/VmSize:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]);

describe("the memory plan", () => {
  const run = (activationCheckpointing: "auto" | "on" | "off", on: Gpu = gpu) => {
    const model = microModel(gpu);
    const args = { ...MICRO_ARGUMENTS, activationCheckpointing };
    return { gpu: on, model, train: microSet(40, 1), args };
  };

  it("is on or off when told, and estimates less when on", async () => {
    const [on, off] = [run("on"), run("off")];
    const [planOn, planOff] = [await planMemory(on), await planMemory(off)];
    expect([planOn.checkpointing, on.model.activationCheckpointing]).toEqual([true, true]);
    expect([planOff.checkpointing, off.model.activationCheckpointing]).toEqual([false, false]);
    expect(planOn.bytesWithout).toBe(planOff.bytes);
    for (const { model } of [on, off]) model.destroy();
  });

  it("asks the device when it is to choose", async () => {
    const asked: number[] = [];
    const device = (room: boolean) =>
      ({
        info: { software: false, vendor: "nvidia" },
        canAllocate: (bytes: number) => {
          asked.push(bytes);
          return Promise.resolve(room);
        },
      }) as unknown as Gpu;
    for (const room of [true, false]) {
      const asking = run("auto", device(room));
      const plan = await planMemory(asking);
      expect(plan.checkpointing).toBe(!room);
      expect(asked.pop()).toBe(plan.bytesWithout);
      asking.model.destroy();
    }
    const here = run("auto");
    expect((await planMemory(here)).checkpointing).toBe(false); // a few KiB
    here.model.destroy();
  });

  it("does not take from the machine's own memory what it does not have", async () => {
    const device = (vendor: string) =>
      ({ info: { software: false, vendor }, canAllocate: () => Promise.resolve(true) }) as unknown;
    for (const [vendor, checkpointing] of [
      ["nvidia", false],
      ["apple", true],
    ] as const) {
      const asking = run("auto", device(vendor) as Gpu);
      const args = { ...asking.args, padToMaxLength: true, maxLength: 1e12 };
      expect((await planMemory({ ...asking, args })).checkpointing).toBe(checkpointing);
      expect((await planMemory(asking)).checkpointing).toBe(false);
      asking.model.destroy();
    }
  });

  it("learns of the device what fits, and leaves nothing taken", async () => {
    expect(await gpu.canAllocate(1 << 20)).toBe(true);
    gpu.check(); // no error stays behind
    if (process.platform === "linux" && gpu.info.software) {
      // Its memory is this process's; freed at once, or the run that asked would find it taken.
      const before = addressSpace();
      await gpu.canAllocate(2 ** 32); // more than SwiftShader gives
      expect(addressSpace() - before).toBeLessThan(2 ** 31);
    }
    expect(await gpu.read(gpu.upload(Float32Array.of(7)))).toEqual(Float32Array.of(7));
  });
});

describe("a dry run", () => {
  it("measures steps and memory and leaves no file", async () => {
    const { run, dispose } = await microRun(gpu, { gradientAccumulationSteps: 2 });
    const before = await weightsOf(gpu, run.model);
    const found = await dryRun(run);
    expect(found.totalSteps).toBe(9); // 5 batches of 8, two a step, three epochs
    expect(found.secondsPerStep).toBeGreaterThan(0);
    expect(found.secondsOfLargest).toBeGreaterThan(0);
    expect(found.peakBytes).toBeGreaterThan(16 * run.model.parameters.size);
    expect(found.checkpointing).toBe(false);
    // A learning rate of 0 leaves the weights as they are.
    expect((await weightsOf(gpu, run.model)).equals(before)).toBe(true);
    dispose();
  });
});
