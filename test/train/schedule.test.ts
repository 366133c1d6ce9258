import { describe, expect, it } from "vitest";
import { epochAfter, learningRate, totalSteps } from "../../train/schedule.ts";

describe("schedule", () => {
  it("warms up from 0 in a line, then decays to 0 at the last step", () => {
    const schedule = { base: 5e-5, warmup: 500, total: 9825 };
    expect(learningRate(0, schedule)).toBe(0);
    expect(learningRate(250, schedule)).toBeCloseTo(2.5e-5, 12);
    expect(learningRate(500, schedule)).toBe(5e-5);
    expect(learningRate(500 + 9325 / 5, schedule)).toBeCloseTo(4e-5, 12);
    expect(learningRate(9824, schedule)).toBeCloseTo(5e-5 / 9325, 15);
    expect(learningRate(9825, schedule)).toBe(0);
    expect(learningRate(20_000, schedule)).toBe(0);
  });

  it("starts at the full rate without a warm-up", () => {
    expect(learningRate(0, { base: 1, warmup: 0, total: 4 })).toBe(1);
    expect(learningRate(3, { base: 1, warmup: 0, total: 4 })).toBe(0.25);
  });

  it("never divides by zero when the warm-up is as long as the run or longer", () => {
    expect(learningRate(5, { base: 1, warmup: 10, total: 10 })).toBe(0.5);
    expect(learningRate(10, { base: 1, warmup: 10, total: 10 })).toBe(0);
    expect(learningRate(3, { base: 1, warmup: 10, total: 4 })).toBe(0.3);
  });

  it("counts the reference's 9,825 steps: 62,857 rows in batches of 32 over 5 epochs", () => {
    expect(totalSteps({ batches: Math.ceil(62_857 / 32), accumulation: 1, epochs: 5 })).toBe(9825);
  });

  it("counts a last partial group of batches as a step, and lets a step limit win", () => {
    expect(totalSteps({ batches: 10, accumulation: 4, epochs: 2 })).toBe(6);
    expect(totalSteps({ batches: 10, accumulation: 4, epochs: 2, maxSteps: 5 })).toBe(5);
    expect(totalSteps({ batches: 10, accumulation: 4, epochs: 2, maxSteps: 100 })).toBe(100);
  });
});

describe("the epoch a step ends in", () => {
  it("counts micro-batches, as Trainer does, also when accumulation does not divide them", () => {
    const pace = { batches: 29, accumulation: 2 }; // 15 steps: 14 of two batches, one of one
    expect(epochAfter(1, pace)).toBe(2 / 29);
    expect(epochAfter(14, pace)).toBe(28 / 29);
    expect(epochAfter(15, pace)).toBe(1);
    expect(epochAfter(16, pace)).toBe(1 + 2 / 29);
    expect(epochAfter(30, pace)).toBe(2);
  });

  it("is the share of batches when each makes a step", () => {
    expect([1, 4, 5, 8].map((step) => epochAfter(step, { batches: 4, accumulation: 1 }))).toEqual([
      0.25, 1, 1.25, 2,
    ]);
  });
});
