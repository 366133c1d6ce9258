import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gpu } from "../../engine/index.ts";
import {
  BOUNDS,
  compute,
  errorsOf,
  gradientBound,
  type ModelGolden,
  readGolden,
} from "../parity/cases.ts";
import { openPreparedGpu } from "../parity/gpu.ts";

// Measured on lavapipe and SwiftShader: logits 2.2e-6, loss 4e-7, gradients 2.4e-4 where PyTorch's own float32 is 7e-5 from
// its float64 and 2e-6 as a rule, cosine 1 - 2.9e-8, rounding 4e-8.
let gpu: Gpu;
beforeAll(async () => {
  gpu = await openPreparedGpu();
});
afterAll(() => gpu.close());

const grid = readGolden("grid.json") as ModelGolden;
const base = readGolden("base.json") as ModelGolden;

describe("AlbertForSequenceClassification is transformers'", () => {
  it("has golden cases for each length with each activation, and both values of all else", () => {
    const count = (value: (config: Record<string, unknown>, T: number) => unknown): number =>
      new Set(grid.cases.map(({ config, T }) => value(config, T))).size;
    expect(count(({ hidden_act: act }, T) => `${String(act)} ${T}`)).toBe(12);
    expect(
      count((config) =>
        ["num_hidden_groups", "inner_group_num", "num_labels"].map((name) => config[name]).join(),
      ),
    ).toBe(8);
  });

  it.each(grid.cases)("$name: logits, loss and every gradient", async (golden) => {
    const names = grid.names[golden.structure]!;
    const computed = await compute(gpu, golden);
    expect([...computed.gradients.keys()].sort()).toEqual([...names].sort());
    const errors = errorsOf(golden, names, computed);
    expect(errors.logits).toBeLessThan(BOUNDS.logits);
    expect(errors.loss).toBeLessThan(BOUNDS.loss);
    expect(errors.relative, errors.worst).toBeLessThan(gradientBound(golden));
    expect(errors.cosine).toBeGreaterThan(BOUNDS.cosine);
    expect(errors.rounding).toBeLessThan(BOUNDS.rounding);
  });

  it("at the shape of albert-base-v2, T 128: logits and the norm of every gradient", async () => {
    const [golden] = base.cases;
    const errors = errorsOf(golden!, base.names["1x1"]!, await compute(gpu, golden!));
    expect(errors.logits).toBeLessThan(BOUNDS.logits);
    expect(errors.loss).toBeLessThan(BOUNDS.loss);
    expect(errors.normError, errors.worst).toBeLessThan(1e-5);
    expect(errors.relative, errors.worst).toBeLessThan(gradientBound(golden!));
    expect(errors.rounding).toBeLessThan(BOUNDS.rounding);
  }, 180_000);

  it("notices a weight that is off by a thousandth of its size", async () => {
    const golden = grid.cases.find(({ T }) => T === 7)!;
    const names = grid.names[golden.structure]!;
    const changed = await compute(gpu, { ...golden, std: golden.std * 1.001 });
    const errors = errorsOf(golden, names, changed);
    expect(errors.logits).toBeGreaterThan(BOUNDS.logits);
    expect(errors.relative).toBeGreaterThan(gradientBound(golden));
  });
});
