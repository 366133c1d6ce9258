import { describe, expect, it } from "vitest";
import { mix, Random } from "../../engine/random.ts";

const draws = (random: Random, count: number) => Array.from({ length: count }, () => random.bits());

describe("random", () => {
  it("gives the published numbers of xoshiro128** from the state 1, 2, 3, 4", () => {
    // Known answers of the authors' C program, as rand_xoshiro's tests list them.
    expect(draws(Random.from([1, 2, 3, 4]), 10)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
      4258142804,
    ]);
  });

  it("repeats itself for the same seed and differs for another, negative and large seeds too", () => {
    const seeds = [0, 1, 42, -1, 2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER];
    const streams = seeds.map((seed) => draws(new Random(seed), 4).join());
    expect(new Set(streams).size).toBe(seeds.length);
    expect(seeds.map((seed) => draws(new Random(seed), 4).join())).toEqual(streams);
  });

  it("goes on from a state that went through JSON", () => {
    const random = new Random(7);
    draws(random, 13);
    random.normal();
    const saved = JSON.parse(JSON.stringify(random.state())) as number[];
    const rest = [random.uniform(), random.normal(), random.int(1000), random.bits()];
    const resumed = Random.from(saved);
    expect([resumed.uniform(), resumed.normal(), resumed.int(1000), resumed.bits()]).toEqual(rest);
  });

  it("refuses a state that is no state", () => {
    for (const state of [
      [],
      [1, 2, 3],
      [0, 0, 0, 0],
      [1, 2, 3, -4],
      [1, 2, 3, 0.5],
      [1, 2, 3, 2 ** 32],
    ]) {
      expect(() => Random.from(state)).toThrow("four unsigned 32-bit integers");
    }
  });

  it("draws uniform numbers in [0, 1) with the right moments", () => {
    const random = new Random(1);
    const values = Array.from({ length: 100_000 }, () => random.uniform());
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(Math.min(...values.slice(0, 10_000))).toBeGreaterThanOrEqual(0);
    expect(values.every((x) => x < 1)).toBe(true);
    expect(mean).toBeCloseTo(0.5, 2); // standard error 0.0009
  });

  it("draws normal numbers with mean 0, deviation 1 and 95 % within 1.96", () => {
    const random = new Random(2);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    const inside = values.filter((x) => Math.abs(x) < 1.96).length / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.012); // standard error 0.0032
    expect(Math.abs(variance - 1)).toBeLessThan(0.02); // 0.0045
    expect(Math.abs(inside - 0.95)).toBeLessThan(0.003); // 0.0007
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it("draws each integer below n as often, also where n does not divide 2^32", () => {
    const random = new Random(3);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) {
      const x = random.int(7);
      counts[x] = (counts[x] ?? Number.NaN) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400); // deviation 93
    // A bare remainder of 2^32 by 3 * 2^30 would hit the lower third twice as often.
    const n = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (random.int(n) < 2 ** 30) low++;
    expect(Math.abs(low - 10_000)).toBeLessThan(350);
    expect(random.int(1)).toBe(0);
    expect(() => random.int(0)).toThrow("got 0");
    expect(() => random.int(1.5)).toThrow("got 1.5");
  });

  it("shuffles in place to each order as often", () => {
    const random = new Random(4);
    const seen = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join("");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(160); // deviation 31
    const typed = Uint32Array.from([5, 6, 7]);
    expect(random.shuffle(typed)).toBe(typed);
    expect(typed.toSorted()).toEqual(Uint32Array.of(5, 6, 7));
  });

  it("mixes integers into seeds that depend on each of them and on their order", () => {
    const seeds = [
      mix(),
      mix(0),
      mix(0, 0),
      mix(1, 2),
      mix(2, 1),
      mix(-1),
      mix(2 ** 32 - 1),
      mix(2 ** 40),
      mix(2 ** 41),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
    for (const seed of seeds) expect(seed >>> 0).toBe(seed);
    const near = new Set(Array.from({ length: 10_000 }, (_, epoch) => mix(42, epoch)));
    expect(near.size).toBeGreaterThan(9_995); // 0.01 collisions expected
    expect(() => mix(0.5)).toThrow("safe integers");
  });
});
