import { afterAll, describe, expect, it } from "vitest";
import { BufferPool, roundedBytes } from "../../engine/buffers.ts";
import { openDevice } from "../../engine/device.ts";
import { DeviceError } from "../../engine/errors.ts";

// The null backend makes real buffer objects and needs no driver.
const { device } = await openDevice({ backend: "null" });
afterAll(() => device.destroy());

function makePool(): BufferPool {
  let id = 0;
  return new BufferPool(device, "test", GPUBufferUsage.STORAGE, () => id++);
}

describe("roundedBytes", () => {
  it("never shrinks a size, wastes less than a quarter beyond 1 KiB and keeps to whole 256 bytes", () => {
    for (const bytes of [1, 4, 255, 256, 257, 2048, 2049, 5000, 65_537, 1e6, 123_456_789]) {
      const rounded = roundedBytes(bytes);
      expect(rounded).toBeGreaterThanOrEqual(bytes);
      expect(rounded % 256).toBe(0);
      if (bytes >= 1024) expect(rounded).toBeLessThan(bytes * 1.25);
    }
  });

  it("gives neighbouring sizes one size, so that they share buffers", () => {
    expect(roundedBytes(1_000_000)).toBe(roundedBytes(1_010_000));
  });
});

describe("a buffer pool", () => {
  it("gives a freed buffer again, and two at a time are two", () => {
    const pool = makePool();
    const [a, b] = [pool.acquire(1000), pool.acquire(1000)];
    expect(b).not.toBe(a);
    pool.release(a);
    expect(pool.acquire(900).gpu).toBe(a.gpu);
    expect([pool.count, pool.bytes]).toEqual([2, 2 * roundedBytes(1000)]);
    pool.destroy();
  });

  it("takes the smallest free buffer that fits, and no giant for a small request", () => {
    const pool = makePool();
    const sizes = [100_000, 6000, 5000].map((bytes) => pool.acquire(bytes));
    for (const buffer of sizes) pool.release(buffer);
    expect(pool.acquire(4900).gpu).toBe(sizes[2]!.gpu);
    expect(pool.acquire(4900).gpu).toBe(sizes[1]!.gpu);
    expect(sizes.map(({ gpu }) => gpu)).not.toContain(pool.acquire(4900).gpu);
    pool.destroy();
  });

  it("repeats a plan: the same requests get the same buffers in the same order", () => {
    const pool = makePool();
    const run = (key: string, sizes: readonly number[]) => {
      pool.begin(key);
      const kept = pool.acquire(sizes[0]!);
      const freed = pool.acquire(sizes[1]!);
      pool.release(freed);
      const last = pool.acquire(sizes[2]!);
      for (const buffer of [kept, last]) pool.release(buffer);
      pool.end();
      return [kept.id, freed.id, last.id];
    };
    const short = run("short", [1000, 1000, 900]);
    const long = run("long", [9000, 900, 1000]);
    for (let i = 0; i < 3; i++) {
      // Two plans over the same free buffers do not disturb each other.
      expect(run("long", [9000, 900, 1000])).toEqual(long);
      expect(run("short", [1000, 1000, 900])).toEqual(short);
    }
    pool.destroy();
  });

  it("keeps to a plan where another has since made a buffer that would fit better", () => {
    const pool = makePool();
    const run = (key: string, sizes: readonly number[]) => {
      pool.begin(key);
      const buffers = sizes.map((bytes) => pool.acquire(bytes));
      for (const buffer of buffers) pool.release(buffer);
      pool.end();
      return buffers;
    };
    const [large] = run("first", [1000]);
    expect(run("second", [700])).toEqual([large]);
    const [, small] = run("third", [1000, 700]);
    expect(small!.bytes).toBeLessThan(large!.bytes);
    expect(run("second", [700])).toEqual([large]);
    pool.destroy();
  });

  it("plans anew where a request has grown or its buffer is in use", () => {
    const pool = makePool();
    const request = (bytes: number) => {
      pool.begin("key");
      const buffer = pool.acquire(bytes);
      pool.end();
      return buffer;
    };
    const first = request(1000);
    const second = request(1000); // the first was not freed
    expect(second).not.toBe(first);
    pool.release(second);
    pool.release(first);
    const larger = request(50_000);
    expect(larger.bytes).toBeGreaterThanOrEqual(50_000);
    pool.release(larger);
    expect(request(50_000).gpu).toBe(larger.gpu);
    pool.destroy();
  });

  it("refuses to free a buffer twice, also when another has got it meanwhile", () => {
    const pool = makePool();
    const buffer = pool.acquire(4);
    pool.release(buffer);
    expect(() => pool.release(buffer)).toThrow("gpu.release: a tensor must be released once");
    const next = pool.acquire(4);
    expect(next.gpu).toBe(buffer.gpu);
    expect(() => pool.release(buffer)).toThrow(DeviceError);
    expect(pool.acquire(4).gpu).not.toBe(next.gpu);
    pool.destroy();
  });
});
