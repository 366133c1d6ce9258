// Training with f16 products: as good as f32, alive after an overflow, and resumed bit for bit.

import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../train/arguments.ts";
import { Trainer } from "../../train/trainer.ts";
import { AdamW } from "../../train/optimiser.ts";
import { openTestGpu } from "../support/device.ts";
import { microModel, microRun, trainMicro, weightsOf } from "./micro-run.ts";

const gpu = await openTestGpu();
const has = gpu.info.features.includes("shader-f16");
const half = has ? await openTestGpu({ precision: "f16" }) : gpu;
const why = has ? "" : " (skipped: the adapter has no shader-f16)";

describe.skipIf(!has)(`training in f16${why}`, () => {
  it("has the losses of f32 to a hundredth, and not the same bits", async () => {
    const args = { epochs: 8, batchSize: 8, loggingSteps: 1 };
    const losses = async (on: typeof gpu, precision: "f32" | "f16") => {
      const { state } = await trainMicro(on, { ...args, precision });
      return state.log.flatMap(({ loss }) => loss ?? []);
    };
    const [full, rounded] = [await losses(gpu, "f32"), await losses(half, "f16")];
    expect(rounded.length).toBe(40);
    expect(rounded).not.toEqual(full);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
    expect(mean(full.slice(-5))).toBeLessThan(0.95 * full[0]!); // it learns
    expect(Math.abs(mean(rounded) / mean(full) - 1)).toBeLessThan(0.01);
  });

  it("survives gradients beyond f16: leaves the step out, halves the scale, and goes on", async () => {
    const { run, dispose } = await microRun(half, { precision: "f16", maxSteps: 12 });
    // So large a classifier that the gradient of what it reads, times the first loss scale, overflows.
    const { data, shape } = (await run.model.parameters.read()).get("classifier.weight")!;
    run.model.parameters.set(
      "classifier.weight",
      shape,
      data.map((value) => 2000 * value),
    );
    const before = await weightsOf(half, run.model);
    const skipped: number[] = [];
    const finite: number[] = [];
    const trainer = new Trainer(run, {
      onSkip: (_step, scale) => skipped.push(scale),
      onStep: ({ loss, finite: ok }) => {
        if (ok) finite.push(loss);
      },
    });
    const { state } = await trainer.train();
    const after = await weightsOf(half, run.model);
    trainer.destroy();
    dispose();
    expect(skipped.length).toBeGreaterThan(0);
    expect(skipped).toEqual(skipped.map((_, i) => 65536 / 2 ** i)); // each half of the one before
    expect(finite.length).toBe(12 - skipped.length);
    expect(finite.length).toBeGreaterThan(0);
    expect(finite.every(Number.isFinite)).toBe(true);
    expect(state.log.every((entry) => Object.values(entry).every(Number.isFinite))).toBe(true);
    expect(after.equals(before)).toBe(false);
  });

  it("changes nothing in a step that overflows, and grows the scale after 2,000 that do not", async () => {
    const model = microModel(half);
    const optimiser = new AdamW(half, model.parameters, { ...OPTIONS });
    const update = async (gradient: number): Promise<number[]> => {
      half.set(model.parameters.gradients, new Float32Array(model.parameters.size).fill(gradient));
      return [...(await half.read(optimiser.update(1e-3, 0)))];
    };
    const before = await weightsOf(half, model);
    expect(await update(Infinity)).toEqual([Infinity, 0, 0, 65536]);
    expect((await weightsOf(half, model)).equals(before)).toBe(true);
    const { m, v } = await optimiser.read();
    half.set(optimiser.lossScale!, Float32Array.of(512, 1999));
    const size = model.parameters.size;
    const [norm, factor, finite, scale] = await update(512);
    expect(norm! / Math.sqrt(size)).toBeCloseTo(1, 5); // the true gradient is 1
    expect([factor, finite, scale]).toEqual([1 / 512, 1, 512]);
    expect([...(await half.read(optimiser.lossScale!))]).toEqual([1024, 0]);
    expect(m.every((value) => value === 0) && v.every((value) => value === 0)).toBe(true);
    half.set(optimiser.lossScale!, Float32Array.of(1, 7));
    await update(NaN);
    expect([...(await half.read(optimiser.lossScale!))]).toEqual([1, 0]); // never below 1
    optimiser.destroy();
    model.destroy();
  });

  it("makes the first update after overflows as large as the first of a run, as torch.amp.GradScaler", async () => {
    const moved = async (overflows: number): Promise<number> => {
      const model = microModel(half);
      const optimiser = new AdamW(half, model.parameters, { ...OPTIONS });
      const size = model.parameters.size;
      const before = await half.read(model.parameters.values);
      for (let i = 0; i <= overflows; i++) {
        const gradient = new Float32Array(size).fill(i < overflows ? Infinity : 1024);
        half.set(model.parameters.gradients, gradient);
        await half.read(optimiser.update(1e-2, 0));
      }
      const after = await half.read(model.parameters.values);
      optimiser.destroy();
      model.destroy();
      return (before[0]! - after[0]!) / 1e-2; // of a learning rate
    };
    for (const overflows of [0, 1, 3]) expect(await moved(overflows)).toBeCloseTo(1, 3);
  });

  it("ends with a clear error when even a scale of 1 overflows", async () => {
    const { run, dispose } = await microRun(half, { precision: "f16", maxSteps: 40 });
    const values = await half.read(run.model.parameters.values);
    half.set(
      run.model.parameters.values,
      values.map((value) => 1e7 * value),
    );
    const trainer = new Trainer(run);
    await expect(trainer.train()).rejects.toThrow(
      /must stay finite; at step .* use --precision f32/,
    );
    trainer.destroy();
    dispose();
  });

  it("resumed, is the run left alone: the loss scale goes with the checkpoint", async () => {
    const args = { precision: "f16", maxSteps: 10 } as const;
    const whole = await trainMicro(half, args);
    const stop = new AbortController();
    const { run, dispose } = await microRun(half, args, { signal: stop.signal });
    const first = new Trainer(run, {
      onStep: ({ step }) => {
        if (step === 4) stop.abort();
      },
    });
    expect((await first.train()).status).toBe("interrupted");
    first.destroy();
    const { signal: _, ...rest } = run;
    const fresh = { ...rest, model: microModel(half, 99) };
    const second = new Trainer(fresh);
    expect(await second.resume()).toBe(true);
    await second.train();
    expect((await weightsOf(half, fresh.model)).equals(whole.weights)).toBe(true);
    second.destroy();
    fresh.model.destroy();
    dispose();
  });
});

const OPTIONS = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

it("a trainer refuses a precision that is not its GPU's", async () => {
  const { run, dispose } = await microRun(gpu, { precision: "f16" });
  expect(() => new Trainer(run)).toThrow(ArgumentError);
  expect(() => new Trainer(run)).toThrow(/precision must be the GPU's, f32; got f16/);
  dispose();
});
