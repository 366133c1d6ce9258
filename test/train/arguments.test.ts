import { describe, expect, it } from "vitest";
import { ArgumentError, checkArguments, DEFAULT_ARGUMENTS } from "../../train/arguments.ts";

describe("training arguments", () => {
  it("are the reference's where none are given", () => {
    expect(DEFAULT_ARGUMENTS).toMatchObject({
      epochs: 5,
      batchSize: 16,
      evalBatchSize: 64,
      learningRate: 5e-5,
      warmupSteps: 500,
      weightDecay: 0.01,
      maxLength: 512,
      seed: 42,
      earlyStoppingPatience: 2,
      metric: "f1",
      loggingSteps: 10,
      maxGradNorm: 1,
      gradientAccumulationSteps: 1,
    });
    expect(() => checkArguments(DEFAULT_ARGUMENTS)).not.toThrow();
  });

  it.each<[keyof typeof DEFAULT_ARGUMENTS, unknown]>([
    ["epochs", 0],
    ["epochs", NaN],
    ["batchSize", 1.5],
    ["evalBatchSize", -1],
    ["learningRate", 0],
    ["learningRate", Infinity],
    ["warmupSteps", -1],
    ["weightDecay", -0.1],
    ["weightDecay", NaN],
    ["maxLength", 2],
    ["seed", 0.5],
    ["earlyStoppingPatience", -1],
    ["metric", "auc"],
    ["loggingSteps", 0],
    ["maxGradNorm", -1],
    ["gradientAccumulationSteps", 0],
    ["maxSteps", 0],
    ["saveTotalLimit", 0],
    ["beta1", 1],
    ["beta2", -0.1],
    ["eps", 0],
  ])("are refused by name: %s = %s", (name, value) => {
    const args = { ...DEFAULT_ARGUMENTS, [name]: value } as typeof DEFAULT_ARGUMENTS;
    expect(() => checkArguments(args)).toThrow(ArgumentError);
    expect(() => checkArguments(args)).toThrow(
      new RegExp(`^${name} must be .*; got ${String(value)}\\.$`),
    );
  });

  it.each([
    { warmupSteps: 0, weightDecay: 0, maxGradNorm: 0, earlyStoppingPatience: 0 },
    { maxSteps: 1, saveTotalLimit: 1, seed: -1, beta1: 0, maxLength: 3 },
  ])("may be at the ends of their ranges: %j", (args) => {
    expect(() => checkArguments({ ...DEFAULT_ARGUMENTS, ...args })).not.toThrow();
  });
});
