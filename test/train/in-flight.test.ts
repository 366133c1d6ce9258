import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gpu, openGpu } from "../../engine/index.ts";
import { InFlight } from "../../train/in-flight.ts";

describe("results in flight", () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu({ backend: "null" });
  });
  afterAll(() => gpu.close());
  const after = <T>(ms: number, value: T): Promise<T> =>
    new Promise((resolve) => setTimeout(() => resolve(value), ms));

  it("come back in order, one late, and the rest at the end", async () => {
    const queue = new InFlight<string>(gpu);
    expect(await queue.push(after(20, "a"))).toEqual([]);
    expect(await queue.push(after(1, "b"))).toEqual(["a"]);
    expect(await queue.push(after(1, "c"))).toEqual(["b"]);
    expect(await queue.drain()).toEqual(["c"]);
    expect(await queue.drain()).toEqual([]);
  });

  it("are as many as the depth says", async () => {
    const queue = new InFlight<number>(gpu, 3);
    for (let i = 0; i < 3; i++) expect(await queue.push(after(1, i))).toEqual([]);
    expect(await queue.push(after(1, 3))).toEqual([0]);
    expect(await queue.drain()).toEqual([1, 2, 3]);
  });

  it("throw where they are awaited, and a later failure is not lost as unhandled", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const queue = new InFlight<number>(gpu);
    await queue.push(Promise.reject(new Error("first")));
    await expect(queue.push(Promise.reject(new Error("second")))).rejects.toThrow("first");
    await after(5, 0);
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
    await expect(queue.drain()).rejects.toThrow("second");
  });
});
