import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TrainingError } from "../../engine/index.ts";
import { ArgumentError, METRICS } from "../../train/arguments.ts";
import { evaluate } from "../../train/evaluate.ts";
import type { StepDone } from "../../train/observer.ts";
import { learningRate } from "../../train/schedule.ts";
import { Trainer } from "../../train/trainer.ts";
import { openTestGpu } from "../support/device.ts";
import { scalarsOf } from "../support/events.ts";
import { microRun, microSet, trainMicro, weightsOf } from "./micro-run.ts";

const gpu = await openTestGpu();

/** What a run has saved: all but its logs. */
const checkpoints = (output: string): string[] =>
  readdirSync(output)
    .filter((name) => !["log.jsonl", "runs"].includes(name))
    .sort();

describe("training", () => {
  it("lowers the loss and learns to tell two vocabularies apart", async () => {
    const { state, status } = await trainMicro(
      gpu,
      { epochs: 16, learningRate: 2e-2 },
      { validation: microSet(20, 2) },
    );
    expect(status).toBe("finished");
    const losses = state.log.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
    expect(losses[0]).toBeCloseTo(Math.log(2), 1);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    expect(state.log.at(-1)).toMatchObject({ eval_accuracy: 1, eval_f1: 1 });
  });

  it("logs steps, rates and mean losses as transformers' Trainer does", async () => {
    const steps: StepDone[] = [];
    const { run, dispose } = await microRun(gpu);
    const trainer = new Trainer(run, { onStep: (done) => steps.push(done) });
    const { state } = await trainer.train();
    trainer.destroy();
    dispose();
    // 40 examples are 5 batches of 8: 15 steps. logging_first_step, then every fourth one.
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    const entries = state.log.filter(({ loss }) => loss !== undefined);
    expect(entries.map(({ step }) => step)).toEqual([1, 4, 8, 12]);
    const mean = (from: number, to: number): number => {
      const losses = steps.slice(from, to).map(({ loss }) => loss);
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    };
    const means = [mean(0, 1), mean(1, 4), mean(4, 8), mean(8, 12)];
    entries.forEach((entry, i) => {
      const step = entry["step"]!;
      expect(entry["loss"]).toBeCloseTo(means[i]!, 12);
      expect(entry["epoch"]).toBe(step / 5);
      expect(entry["learning_rate"]).toBe(
        learningRate(step - 1, { base: 5e-3, warmup: 2, total: 15 }),
      );
      expect(entry["grad_norm"]).toBe(steps[step - 1]!.gradientNorm);
    });
    const evaluations = state.log.filter(({ eval_f1: f1 }) => f1 !== undefined);
    expect(evaluations.map(({ step, epoch }) => [step, epoch])).toEqual([
      [5, 1],
      [10, 2],
      [15, 3],
    ]);
  });

  it("takes partial batches and an accumulation that does not divide them", async () => {
    const sizes: number[] = [];
    const train = microSet(22, 1);
    const { run, dispose } = await microRun(
      gpu,
      { batchSize: 4, gradientAccumulationSteps: 4, epochs: 2 },
      { train },
    );
    let before = 0;
    const trainer = new Trainer(run, {
      onStep: ({ samples }) => {
        sizes.push(samples - before);
        before = samples;
      },
    });
    // 6 batches: the first step takes four of them, the second two.
    expect(trainer.totalSteps).toBe(4);
    const { state } = await trainer.train();
    trainer.destroy();
    dispose();
    expect(state.samples).toBe(44);
    expect(sizes[0]! + sizes[1]!).toBe(22);
    expect(sizes[0]).toBeGreaterThan(sizes[1]!);
    expect(state).toMatchObject({ step: 4, epoch: 2, finished: true });
  });

  it("ends at maxSteps, in the middle of an epoch, with an evaluation", async () => {
    const { state, totalSteps } = await trainMicro(gpu, { maxSteps: 7 });
    expect(totalSteps).toBe(7);
    expect(state).toMatchObject({ step: 7, finished: true });
    expect(state.log.at(-1)).toMatchObject({ step: 7, epoch: 1.4, eval_loss: expect.any(Number) });
  });

  it("runs over as many epochs as maxSteps needs", async () => {
    const { state } = await trainMicro(gpu, { maxSteps: 12, epochs: 1 });
    expect(state).toMatchObject({ step: 12, epoch: 3 });
  });

  it("refuses arguments out of range and empty sets, by name", async () => {
    const { run, dispose } = await microRun(gpu);
    expect(() => new Trainer({ ...run, args: { ...run.args, batchSize: 0 } })).toThrow(
      ArgumentError,
    );
    expect(() => new Trainer({ ...run, validation: microSet(0, 1) })).toThrow("the validation set");
    dispose();
  });
});

describe("early stopping", () => {
  it("ends after `patience` evaluations that are no better, ties among them", async () => {
    // A rate that f32 cannot see leaves every evaluation as good as the first.
    const { state, stoppedEarly } = await trainMicro(gpu, {
      epochs: 9,
      learningRate: 1e-20,
      earlyStoppingPatience: 2,
    });
    expect(stoppedEarly).toBe(true);
    expect(state).toMatchObject({ epoch: 3, step: 15, bestStep: 5, finished: true });
  });

  it("of patience 0 never happens", async () => {
    const { state, stoppedEarly } = await trainMicro(gpu, { epochs: 4, learningRate: 1e-20 });
    expect(stoppedEarly).toBe(false);
    expect(state.epoch).toBe(4);
  });
});

describe("the best model", () => {
  it.each(METRICS)("is the first with the best %s, and is loaded again", async (metric) => {
    const { run, dispose } = await microRun(
      gpu,
      { metric, epochs: 5, learningRate: 2e-2 },
      { validation: microSet(30, 3, 0.4) },
    );
    const trainer = new Trainer(run);
    const { state } = await trainer.train();
    const evaluations = state.log.filter((entry) => entry[`eval_${metric}`] !== undefined);
    const values = evaluations.map((entry) => entry[`eval_${metric}`]!);
    const best = metric === "loss" ? Math.min(...values) : Math.max(...values);
    const want = evaluations[values.indexOf(best)]!["step"];
    expect(state).toMatchObject({ bestMetric: best, bestStep: want });
    expect(await trainer.loadBest()).toBe(want);
    const { evalBatchSize: batchSize, maxLength, padToMaxLength } = run.args;
    const how = { batchSize, maxLength, padToMaxLength };
    expect((await evaluate(gpu, run.model, run.validation, how))[metric]).toBe(best);
    trainer.destroy();
    dispose();
  });

  it("keeps its checkpoint whatever saveTotalLimit is", async () => {
    const { run, dispose } = await microRun(gpu, {
      epochs: 5,
      learningRate: 1e-20,
      saveTotalLimit: 1,
    });
    const trainer = new Trainer(run);
    await trainer.train();
    expect(checkpoints(run.output)).toEqual(["checkpoint-25", "checkpoint-5"]);
    trainer.destroy();
    dispose();
  });
});

describe("the same seed", () => {
  it("gives bitwise the same weights and log, with dropout, whatever loggingSteps is", async () => {
    const first = await trainMicro(gpu);
    const second = await trainMicro(gpu);
    expect(second.weights.equals(first.weights)).toBe(true);
    expect(second.state.log).toEqual(first.state.log);
    const quiet = await trainMicro(gpu, { loggingSteps: 1000 });
    expect(quiet.weights.equals(first.weights)).toBe(true);
  });

  it("matters: another one gives other weights", async () => {
    const [first, other] = [await trainMicro(gpu), await trainMicro(gpu, { seed: 43 })];
    expect(other.weights.equals(first.weights)).toBe(false);
  });
});

describe("a loss that is not finite", () => {
  // One step at this rate makes weights whose next loss is no number.
  const absurd = { learningRate: 1e38, warmupSteps: 0 };

  it.each([
    ["in training", {}],
    ["in the evaluation after the only step", { maxSteps: 1 }],
  ])(
    "%s stops it, naming step, rate and gradient norm, and no such weights are saved",
    async (_, args) => {
      const { run, dispose } = await microRun(gpu, { ...absurd, ...args });
      const trainer = new Trainer(run);
      const error: unknown = await trainer.train().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TrainingError);
      expect((error as Error).message).toMatch(
        /^training: .* must stay finite; at step [12] .*(loss|is not).*, learning rate \S*e\+3\d, gradient norm \S+\. Lower --learning-rate/,
      );
      expect(checkpoints(run.output)).toEqual([]);
      trainer.destroy();
      dispose();
    },
  );
});

describe("weights that are not finite", () => {
  it("are not saved, even where no loss shows them", async () => {
    const { run, dispose } = await microRun(gpu, { maxSteps: 1 });
    const name = "albert.embeddings.word_embeddings.weight";
    const { shape, data } = (await run.model.parameters.read()).get(name)!;
    // The last piece of the vocabulary is in no text.
    run.model.parameters.set(name, shape, Float32Array.from(data).fill(Infinity, -1));
    const trainer = new Trainer(run);
    await expect(trainer.train()).rejects.toThrow(`at step 1 ${name} is not, learning rate 0,`);
    expect(checkpoints(run.output)).toEqual([]);
    trainer.destroy();
    dispose();
  });
});

describe("a run that is interrupted", () => {
  it("and resumed, at any step and in an evaluation, is the run left alone", async () => {
    const alone = await trainMicro(gpu, { epochs: 2 });
    // 10 steps; "5.5" is inside the evaluation after step 5, and so on.
    for (const moment of [1, 4, 5, 5.5, 6, 9, 10, 10.5]) {
      const { run, dispose } = await microRun(gpu, { epochs: 2 });
      const controller = new AbortController();
      let step = 0;
      const stopping = new Trainer(
        { ...run, args: { ...run.args, evalBatchSize: 8 }, signal: controller.signal },
        {
          onStep: (done) => {
            step = done.step;
            if (step === moment) controller.abort();
          },
          onEvaluateProgress: () => {
            if (step + 0.5 === moment) controller.abort();
          },
        },
      );
      const first = await stopping.train();
      stopping.destroy();
      expect(first.status, `interrupted at ${moment}`).toBe("interrupted");
      expect(first.state.finished).toBe(false);
      const { stepSeconds, seconds } = first.state;
      expect(stepSeconds).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(stepSeconds);

      const { run: fresh, dispose: disposeFresh } = await microRun(gpu, { epochs: 2 });
      const resumed = new Trainer({ ...fresh, output: run.output });
      expect(await resumed.resume()).toBe(true);
      const { state, status } = await resumed.train();
      expect(status).toBe("finished");
      expect(state.samples).toBe(alone.state.samples);
      const trained = state.stepSeconds - stepSeconds;
      expect(trained).toBeGreaterThan(0);
      expect(state.seconds).toBeGreaterThan(seconds + trained);
      expect(resumed.seconds).toBeGreaterThan(state.seconds);
      expect(
        (await weightsOf(gpu, fresh.model)).equals(alone.weights),
        `resumed from ${moment}`,
      ).toBe(true);
      expect(state.log.map(({ step: at, loss }) => [at, loss])).toEqual(
        alone.state.log.map(({ step: at, loss }) => [at, loss]),
      );
      expect(state.bestStep).toBe(alone.state.bestStep);
      const lines = state.log.map((entry) => `${JSON.stringify(entry)}\n`);
      expect(readFileSync(join(run.output, "log.jsonl"), "utf8")).toBe(lines.join(""));
      const losses = state.log.flatMap(({ step, loss }) => (loss === undefined ? [] : [step]));
      expect(scalarsOf(run.output)["train/loss"]?.map(([step]) => step)).toEqual(losses);
      resumed.destroy();
      disposeFresh();
      dispose();
    }
  });

  it("before its first step writes nothing", async () => {
    const controller = new AbortController();
    controller.abort();
    const { run, dispose } = await microRun(gpu, {}, { signal: controller.signal });
    const trainer = new Trainer(run);
    expect(await trainer.train()).toMatchObject({ status: "interrupted", state: { step: 0 } });
    expect(readdirSync(run.output)).toEqual([]);
    trainer.destroy();
    dispose();
  });

  it("starts from the beginning when there is no checkpoint", async () => {
    const seen: (number | undefined)[] = [];
    const { run, dispose } = await microRun(gpu);
    const trainer = new Trainer(run, { onResume: (step) => seen.push(step) });
    expect(await trainer.resume()).toBe(false);
    expect(seen).toEqual([undefined]);
    trainer.destroy();
    dispose();
  });
});
