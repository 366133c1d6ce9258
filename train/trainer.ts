// The training loop, readable from top to bottom. It prints nothing: what happens is told to the observer.

import { join } from "node:path";
import { TrainingError } from "../engine/index.ts";
import { checkArguments } from "./arguments.ts";
import { planEpoch } from "./batches.ts";
import { logStep, noteEvaluation, noteLoss } from "./bookkeeping.ts";
import {
  checkpointName,
  initialState,
  loadCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
  type TrainerState,
} from "./checkpoint.ts";
import { clearLeftovers } from "./checkpoint-folder.ts";
import { evaluate } from "./evaluate.ts";
import { fingerprint } from "./fingerprint.ts";
import { firstNonFinite, nonFinite, type StepFacts } from "./finite.ts";
import { checkBatchesFit } from "./fits.ts";
import { InFlight } from "./in-flight.ts";
import { labelledBatch } from "./labelled-batch.ts";
import type { TrainingObserver } from "./observer.ts";
import { AdamW } from "./optimiser.ts";
import { prepare } from "./prepare.ts";
import { findCheckpoint } from "./resume.ts";
import { RunLog } from "./run-log.ts";
import { epochAfter, learningRate, totalSteps } from "./schedule.ts";
import { type StepResult, trainStep } from "./step.ts";
import type { TrainingOutcome, TrainingRun } from "./training-run.ts";

interface Submitted {
  readonly result: StepResult;
  readonly step: number;
  readonly learningRate: number;
  readonly samples: number;
}

/** Trains a model as transformers' `Trainer` does, with checkpoints that a killed run goes on from bit for bit. */
export class Trainer {
  readonly #run: TrainingRun;
  readonly #observer: TrainingObserver;
  readonly #optimiser: AdamW;
  readonly #log: RunLog;
  readonly #pace: { readonly batches: number; readonly accumulation: number };
  readonly #stepsPerEpoch: number;
  readonly #totalSteps: number;
  readonly #fingerprints: { readonly train: string; readonly validation: string };
  #state: TrainerState = initialState();
  /** Step of the checkpoint that holds the present state, if one does. */
  #saved = 0;
  #last: StepFacts;
  readonly #started = performance.now();
  /** Of the processes before, up to the checkpoint this one goes on from. */
  #secondsBefore = 0;

  /** Throws ArgumentError for arguments out of range or that the GPU cannot do, TrainingError for an empty set. */
  constructor(run: TrainingRun, observer: TrainingObserver = {}) {
    checkArguments(run.args);
    for (const name of ["train", "validation"] as const) {
      if (run[name].tokens.count === 0) {
        throw new TrainingError(`trainer: the ${name} set must have examples; it is empty.`);
      }
    }
    checkBatchesFit(run.gpu, run.model, run, run.args);
    this.#run = run;
    this.#observer = observer;
    this.#last = { step: 0, learningRate: 0, gradientNorm: 0, precision: run.args.precision };
    const { batchSize, gradientAccumulationSteps: accumulation, epochs, maxSteps } = run.args;
    const batches = Math.ceil(run.train.tokens.count / batchSize);
    this.#pace = { batches, accumulation };
    this.#stepsPerEpoch = Math.ceil(batches / accumulation);
    this.#totalSteps = totalSteps({ batches, accumulation, epochs, maxSteps });
    this.#fingerprints = {
      train: fingerprint(run.train),
      validation: fingerprint(run.validation),
    };
    this.#optimiser = new AdamW(run.gpu, run.model.parameters, run.args);
    this.#log = new RunLog(run.output, run.args, run.model.config);
  }

  get totalSteps(): number {
    return this.#totalSteps;
  }

  /** Wall time of the run until now, with that of the processes before a resumption. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /** Frees the optimiser's memory and closes the log. */
  destroy(): void {
    this.#optimiser.destroy();
    this.#log.close();
  }

  /**
   * Goes on from the latest whole checkpoint; damaged ones are passed over and told to the observer. Returns false when
   * there is none, and training starts from the beginning. Throws ArgumentError or TrainingError when it belongs to other
   * arguments, another model or other data. The run's folder must be this process's alone.
   */
  async resume(): Promise<boolean> {
    const { output, model, args } = this.#run;
    await clearLeftovers(output);
    const identity = { args, config: model.config, fingerprints: this.#fingerprints };
    const { step, refused } = await findCheckpoint(output, identity);
    if (step !== undefined) {
      const path = join(output, checkpointName(step));
      this.#state = (await loadCheckpoint(path, model, this.#optimiser)).state;
      this.#secondsBefore = this.#state.seconds;
      this.#saved = step;
      await pruneCheckpoints(output, args.saveTotalLimit, this.#state); // the process before may have died in it
    }
    await this.#log.goOn(this.#state.log);
    this.#observer.onResume?.(step, refused);
    return step !== undefined;
  }

  /** Trains to the end, or until the signal. The model then holds the last weights, not the best: see loadBest. */
  async train(): Promise<TrainingOutcome> {
    const { args, signal } = this.#run;
    const state = this.#state;
    if (!state.finished) await prepare(this.#run, this.#optimiser, this.#observer);
    while (!state.finished) {
      await this.trainEpoch();
      if (signal?.aborted || !(await this.evaluateEpoch())) return this.interrupted();
      state.epoch++;
      state.stepInEpoch = 0;
      const patience = args.earlyStoppingPatience;
      const stop = patience > 0 && state.evaluationsWithoutImprovement >= patience;
      state.finished = stop || state.step >= this.#totalSteps;
      await this.checkpoint();
      if (signal?.aborted && !state.finished) return this.interrupted();
    }
    return this.outcome("finished", state.step < this.#totalSteps);
  }

  /** Puts the weights of the best checkpoint into the model. Returns its step. */
  async loadBest(): Promise<number> {
    const { bestStep } = this.#state;
    const { output, model } = this.#run;
    if (bestStep === null) throw new TrainingError("trainer: no evaluation has been made yet.");
    await loadCheckpoint(join(output, checkpointName(bestStep)), model, this.#optimiser);
    return bestStep;
  }

  private async trainEpoch(): Promise<void> {
    const { gpu, model, train, args } = this.#run;
    const state = this.#state;
    const { batchSize, seed, gradientAccumulationSteps: accumulation } = args;
    const batches = planEpoch({
      count: train.tokens.count,
      batchSize,
      seed,
      epoch: state.epoch,
    });
    const inFlight = new InFlight<Submitted>(gpu);
    let since = performance.now();
    const settle = (results: readonly Submitted[]): void => {
      const now = performance.now();
      state.stepSeconds += (now - since) / 1000;
      since = now;
      for (const result of results) this.account(result);
    };
    while (
      !this.#run.signal?.aborted &&
      state.stepInEpoch < this.#stepsPerEpoch &&
      state.step < this.#totalSteps
    ) {
      const from = state.stepInEpoch * accumulation;
      const micro = batches
        .slice(from, from + accumulation)
        .map((indices) => labelledBatch(train, indices, args, model.config.pad_token_id));
      const schedule = {
        base: args.learningRate,
        warmup: args.warmupSteps,
        total: this.#totalSteps,
      };
      const rate = learningRate(state.step, schedule);
      const options = {
        learningRate: rate,
        maxGradNorm: args.maxGradNorm,
        dropoutSeed: [seed, state.step],
      };
      const running = trainStep(gpu, model, this.#optimiser, micro, options);
      state.step++;
      state.stepInEpoch++;
      const step = state.step;
      const samples = micro.reduce((sum, { B }) => sum + B, 0);
      const submitted = running.then((result) => ({ result, step, learningRate: rate, samples }));
      settle(await inFlight.push(submitted));
    }
    settle(await inFlight.drain());
  }

  /** Takes note of a step the device has finished. */
  private account({ result, step, learningRate: rate, samples }: Submitted): void {
    const { args } = this.#run;
    const state = this.#state;
    this.#last = { ...this.#last, step, learningRate: rate, gradientNorm: result.gradientNorm };
    if (!result.finite) {
      // Of a scale of 1 an overflow is the model's own.
      if (result.lossScale <= 1) throw nonFinite(`the loss is ${result.loss}`, this.#last);
      this.#observer.onSkip?.(step, result.lossScale);
    }
    state.samples += samples;
    noteLoss(state, result.loss);
    const epoch = epochAfter(step, this.#pace);
    if (step === 1 || step % args.loggingSteps === 0) {
      const entry = logStep(state, this.#last, epoch);
      this.#log.add(entry);
      this.#observer.onLog?.(entry);
    }
    this.#observer.onStep?.({
      ...result,
      step,
      epoch,
      learningRate: rate,
      totalSteps: this.#totalSteps,
      samples: state.samples,
      seconds: state.stepSeconds,
    });
  }

  /** Scores the pass just made. Returns false, with nothing noted, when the signal ended it. */
  private async evaluateEpoch(): Promise<boolean> {
    const { gpu, model, validation, args, signal } = this.#run;
    const state = this.#state;
    const options = {
      batchSize: args.evalBatchSize,
      maxLength: args.maxLength,
      padToMaxLength: args.padToMaxLength,
      signal,
    };
    const evaluation = await evaluate(gpu, model, validation, options, (done) =>
      this.#observer.onEvaluateProgress?.(done, validation.tokens.count),
    ).catch((error: unknown) => {
      if (signal?.aborted && error === signal.reason) return undefined;
      throw error;
    });
    if (!evaluation) return false;
    if (!Number.isFinite(evaluation.loss)) {
      throw nonFinite(`the validation loss is ${evaluation.loss}`, this.#last);
    }
    const epoch = epochAfter(state.step, this.#pace);
    const { entry, ...noted } = noteEvaluation(state, evaluation, args.metric, epoch);
    this.#log.add(entry);
    this.#observer.onEpoch?.(epoch, noted.trainingLoss, evaluation, noted.best);
    return true;
  }

  private async interrupted(): Promise<TrainingOutcome> {
    if (this.#state.step !== this.#saved) await this.checkpoint();
    return this.outcome("interrupted", false);
  }

  private async checkpoint(): Promise<void> {
    const { output, model, tokenizer, args } = this.#run;
    const bad = await firstNonFinite(model.parameters);
    if (bad !== undefined) throw nonFinite(`${bad} is not`, this.#last);
    this.#state.seconds = this.seconds;
    const saved = { state: this.#state, arguments: args, fingerprints: this.#fingerprints };
    const path = await saveCheckpoint(output, {
      model,
      tokenizer,
      optimiser: this.#optimiser,
      saved,
    });
    this.#saved = this.#state.step;
    await pruneCheckpoints(output, args.saveTotalLimit, this.#state);
    this.#observer.onCheckpoint?.(path);
  }

  private outcome(status: TrainingOutcome["status"], stoppedEarly: boolean): TrainingOutcome {
    return {
      status,
      stoppedEarly,
      state: this.#state,
      totalSteps: this.#totalSteps,
    };
  }
}
