import { expect, it, onTestFinished } from "vitest";
import { openGpu } from "../../engine/index.ts";
import { Trainer } from "../../train/trainer.ts";
import { openTestGpu } from "../support/device.ts";
import { microRun, trainMicro } from "./micro-run.ts";

const gpu = await openTestGpu();

it("compiles before the first step all that steps and evaluations need, and changes no bit", async () => {
  const args = { gradientAccumulationSteps: 2, maxSteps: 4 };
  const whole = await trainMicro(gpu, args);
  const fresh = await openGpu();
  onTestFinished(() => fresh.close());
  const { run, dispose } = await microRun(fresh, args);
  const compiled: number[] = [];
  const at: number[] = [];
  const trainer = new Trainer(run, {
    onCompile: (done, total) => {
      compiled.push(done);
      expect(total).toBeGreaterThan(20);
    },
    onStep: () => at.push(fresh.calls.pipelines),
    onEpoch: () => at.push(fresh.calls.pipelines),
  });
  const { state } = await trainer.train();
  const weights = Buffer.from((await fresh.read(run.model.parameters.values)).buffer);
  trainer.destroy();
  dispose();
  expect(compiled).toEqual(Array.from({ length: compiled.length }, (_, i) => i));
  expect(new Set(at)).toEqual(new Set([compiled.length - 1]));
  expect(state.step).toBe(4);
  expect(weights.equals(whole.weights)).toBe(true);
});
