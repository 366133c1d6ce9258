import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { prefetch } from "../../train/prefetch.ts";

function counted(count: number, failAt = Infinity) {
  const state = { made: 0, closed: false };
  async function* items() {
    try {
      for (let i = 0; i < count; i++) {
        await turn();
        if (i === failAt) throw new Error(`item ${i}`);
        state.made++;
        yield i;
      }
    } finally {
      state.closed = true;
    }
  }
  return { state, items: items() };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

describe("prefetch", () => {
  it("gives all items in order, and makes at most `depth` ahead while its reader is elsewhere", async () => {
    const { state, items } = counted(10);
    const got: number[] = [];
    for await (const item of prefetch(items, 3)) {
      got.push(item);
      await settle();
      expect(state.made).toBe(Math.min(10, item + 1 + 3));
    }
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(state.closed).toBe(true);
  });

  it("throws an error in its place, after the items before it", async () => {
    const got: number[] = [];
    const read = async (): Promise<void> => {
      for await (const item of prefetch(counted(10, 4).items, 3)) {
        got.push(item);
        await settle();
      }
    };
    await expect(read()).rejects.toThrow("item 4");
    expect(got).toEqual([0, 1, 2, 3]);
  });

  it("closes its source when its reader leaves", async () => {
    const { state, items } = counted(100);
    for await (const item of prefetch(items, 2)) if (item === 1) break;
    await settle();
    expect(state.closed).toBe(true);
    expect(state.made).toBeLessThan(6);
  });

  it("refuses to make none ahead", async () => {
    await expect(prefetch(counted(3).items, 0).next()).rejects.toThrow(
      "depth must be a positive integer; got 0.",
    );
  });

  it("takes a source without items", async () => {
    for await (const item of prefetch(counted(0).items, 2)) expect.fail(`got ${item}`);
  });
});
