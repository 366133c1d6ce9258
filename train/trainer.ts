// The training loop, readable from top to bottom. It prints nothing: what happens is told to the observer.

import { join } from "node:path";
import { FileError, type Gpu, TrainingError } from "../engine/index.ts";
import type { AlbertForSequenceClassification, Tokenizer } from "../model/index.ts";
import { checkArguments, FREE_ON_RESUME, type TrainingArguments } from "./arguments.ts";
import { collate, planEpoch } from "./batches.ts";
import {
  checkpointName,
  initialState,
  listCheckpoints,
  loadCheckpoint,
  type LogEntry,
  pruneCheckpoints,
  saveCheckpoint,
  type TrainerState,
} from "./checkpoint.ts";
import { evaluate, type Evaluation, type LabelledSet } from "./evaluate.ts";
import { fingerprint } from "./fingerprint.ts";
import { InFlight } from "./in-flight.ts";
import { AdamW } from "./optimiser.ts";
import { learningRate, totalSteps } from "./schedule.ts";
import { type LabelledBatch, type StepResult, trainStep } from "./step.ts";

/** What a training run needs. The trainer owns none of it. */
export interface TrainingRun {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
  readonly train: LabelledSet;
  readonly validation: LabelledSet;
  readonly args: TrainingArguments;
  /** Folder for checkpoints; it exists. */
  readonly output: string;
  /** Ends training after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** Told what happens, in order. Every function is optional. */
export interface TrainingObserver {
  /** `step` is undefined when no whole checkpoint was found. */
  onResume?(step: number | undefined, refused: readonly Error[]): void;
  onStep?(done: StepDone): void;
  onLog?(entry: LogEntry): void;
  onEvaluateProgress?(done: number, total: number): void;
  onEpoch?(epoch: number, trainingLoss: number, evaluation: Evaluation, best: boolean): void;
  onCheckpoint?(path: string): void;
}

export interface StepDone extends StepResult {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Examples trained on since the start or the resumption, and the seconds that took without evaluations. */
  readonly samples: number;
  readonly seconds: number;
}

export interface TrainingOutcome {
  readonly status: "finished" | "interrupted";
  readonly state: TrainerState;
  readonly stoppedEarly: boolean;
  readonly totalSteps: number;
  /** Examples, and seconds spent in training steps of this process. */
  readonly samples: number;
  readonly seconds: number;
}

interface Submitted {
  readonly result: StepResult;
  readonly step: number;
  readonly learningRate: number;
  readonly samples: number;
}

export class Trainer {
  readonly #run: TrainingRun;
  readonly #observer: TrainingObserver;
  readonly #optimiser: AdamW;
  readonly #stepsPerEpoch: number;
  readonly #totalSteps: number;
  readonly #fingerprint: string;
  #state: TrainerState = initialState();
  #samples = 0;
  #seconds = 0;

  /** Throws ArgumentError for arguments out of range and TrainingError for an empty set. */
  constructor(run: TrainingRun, observer: TrainingObserver = {}) {
    checkArguments(run.args);
    for (const name of ["train", "validation"] as const) {
      if (run[name].tokens.count === 0) {
        throw new TrainingError(`trainer: the ${name} set must have examples; it is empty.`);
      }
    }
    this.#run = run;
    this.#observer = observer;
    const { batchSize, gradientAccumulationSteps: accumulation, epochs, maxSteps } = run.args;
    const batches = Math.ceil(run.train.tokens.count / batchSize);
    this.#stepsPerEpoch = Math.ceil(batches / accumulation);
    this.#totalSteps = totalSteps({ batches, accumulation, epochs, maxSteps });
    this.#fingerprint = fingerprint(run.train);
    this.#optimiser = new AdamW(run.gpu, run.model.parameters, run.args);
  }

  get totalSteps(): number {
    return this.#totalSteps;
  }

  /** Frees the optimiser's memory. */
  destroy(): void {
    this.#optimiser.destroy();
  }

  /**
   * Goes on from the latest whole checkpoint; damaged ones are passed over and told to the observer. Returns false when
   * there is none, and training starts from the beginning. Throws TrainingError when it belongs to other arguments or data.
   */
  async resume(): Promise<boolean> {
    const { output, model, args } = this.#run;
    const refused: Error[] = [];
    let found: number | undefined;
    for (const step of await listCheckpoints(output)) {
      const path = join(output, checkpointName(step));
      try {
        const saved = await loadCheckpoint(path, model, this.#optimiser);
        this.checkSameRun(saved.arguments, args, saved.dataFingerprint);
        this.#state = saved.state;
        found = step;
        break;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        refused.push(error);
      }
    }
    this.#observer.onResume?.(found, refused);
    return found !== undefined;
  }

  /** Trains to the end, or until the signal. The model then holds the last weights, not the best: see loadBest. */
  async train(): Promise<TrainingOutcome> {
    const { args, signal } = this.#run;
    const state = this.#state;
    while (!state.finished && state.step < this.#totalSteps) {
      await this.trainEpoch();
      if (signal?.aborted) {
        await this.checkpoint();
        return this.outcome("interrupted", false);
      }
      state.epoch++;
      state.stepInEpoch = 0;
      await this.evaluateEpoch();
      const patience = args.earlyStoppingPatience;
      const stop = patience > 0 && state.evaluationsWithoutImprovement >= patience;
      state.finished = stop || state.step >= this.#totalSteps;
      await this.checkpoint();
      if (signal?.aborted && !state.finished) return this.outcome("interrupted", false);
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
    const { gpu, model, train, args, signal } = this.#run;
    const state = this.#state;
    const { batchSize, seed, gradientAccumulationSteps: accumulation } = args;
    const batches = planEpoch({
      lengths: train.tokens.lengths,
      batchSize,
      seed,
      epoch: state.epoch,
      lengthBuckets: !args.padToMaxLength,
    });
    const inFlight = new InFlight<Submitted>(gpu);
    let since = performance.now();
    const settle = (results: readonly Submitted[]): void => {
      const now = performance.now();
      this.#seconds += (now - since) / 1000;
      since = now;
      for (const result of results) this.account(result);
    };
    while (state.stepInEpoch < this.#stepsPerEpoch && state.step < this.#totalSteps) {
      const from = state.stepInEpoch * accumulation;
      const micro = batches.slice(from, from + accumulation).map((indices) => this.batch(indices));
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
      if (signal?.aborted) break;
    }
    settle(await inFlight.drain());
  }

  private batch(indices: readonly number[]): LabelledBatch {
    const { train, args, model } = this.#run;
    const { maxLength, padToMaxLength } = args;
    const rows = indices.map((i) => train.tokens.ids(i));
    const padTo = padToMaxLength ? maxLength : "longest";
    const batch = collate(rows, { padTo, maxLength, padId: model.config.pad_token_id });
    return { ...batch, labels: Uint32Array.from(indices, (i) => train.labels[i]!) };
  }

  /** Takes note of a step the device has finished. */
  private account({ result, step, learningRate: rate, samples }: Submitted): void {
    const { args } = this.#run;
    const state = this.#state;
    if (!result.finite) {
      throw new TrainingError(
        `training: the loss must stay finite; at step ${step} it is ${result.loss}, learning rate ${rate}, gradient norm ${result.gradientNorm}. Lower --learning-rate or raise --warmup-steps.`,
      );
    }
    this.#samples += samples;
    state.epochLossSum += result.loss;
    state.epochLossCount++;
    state.lossSum += result.loss;
    state.lossCount++;
    const epoch = step / this.#stepsPerEpoch;
    if (step === 1 || step % args.loggingSteps === 0) {
      const entry = {
        step,
        epoch,
        loss: state.lossSum / state.lossCount,
        learning_rate: rate,
        grad_norm: result.gradientNorm,
      };
      state.lossSum = 0;
      state.lossCount = 0;
      state.log.push(entry);
      this.#observer.onLog?.(entry);
    }
    this.#observer.onStep?.({
      ...result,
      step,
      epoch,
      learningRate: rate,
      totalSteps: this.#totalSteps,
      samples: this.#samples,
      seconds: this.#seconds,
    });
  }

  private async evaluateEpoch(): Promise<void> {
    const { gpu, model, validation, args } = this.#run;
    const state = this.#state;
    const options = {
      batchSize: args.evalBatchSize,
      maxLength: args.maxLength,
      padToMaxLength: args.padToMaxLength,
    };
    const evaluation = await evaluate(gpu, model, validation, options, (done) =>
      this.#observer.onEvaluateProgress?.(done, validation.tokens.count),
    );
    const value = evaluation[args.metric];
    const sign = args.metric === "loss" ? -1 : 1;
    const best = state.bestMetric === null || sign * value > sign * state.bestMetric;
    if (best) {
      state.bestMetric = value;
      state.bestStep = state.step;
      state.evaluationsWithoutImprovement = 0;
    } else {
      state.evaluationsWithoutImprovement++;
    }
    const { loss, accuracy, precision, recall, f1 } = evaluation;
    const epoch = state.step / this.#stepsPerEpoch;
    state.log.push({
      step: state.step,
      epoch,
      eval_loss: loss,
      eval_accuracy: accuracy,
      eval_precision: precision,
      eval_recall: recall,
      eval_f1: f1,
    });
    const trainingLoss = state.epochLossSum / state.epochLossCount;
    state.epochLossSum = 0;
    state.epochLossCount = 0;
    this.#observer.onEpoch?.(epoch, trainingLoss, evaluation, best);
  }

  private async checkpoint(): Promise<void> {
    const { output, model, tokenizer, args } = this.#run;
    const saved = { state: this.#state, arguments: args, dataFingerprint: this.#fingerprint };
    const path = await saveCheckpoint(output, {
      model,
      tokenizer,
      optimiser: this.#optimiser,
      saved,
    });
    await pruneCheckpoints(output, args.saveTotalLimit, this.#state.bestStep);
    this.#observer.onCheckpoint?.(path);
  }

  private outcome(status: TrainingOutcome["status"], stoppedEarly: boolean): TrainingOutcome {
    return {
      status,
      stoppedEarly,
      state: this.#state,
      totalSteps: this.#totalSteps,
      samples: this.#samples,
      seconds: this.#seconds,
    };
  }

  private checkSameRun(before: TrainingArguments, now: TrainingArguments, data: string): void {
    for (const name of Object.keys(now) as (keyof TrainingArguments)[]) {
      if (FREE_ON_RESUME.has(name) || before[name] === now[name]) continue;
      throw new TrainingError(
        `resume: ${name} must be what the run started with, ${String(before[name])}; got ${String(now[name])}.`,
      );
    }
    if (data !== this.#fingerprint) {
      throw new TrainingError(
        "resume: the training set must be the one the run started with; its texts, labels or tokeniser differ.",
      );
    }
  }
}
