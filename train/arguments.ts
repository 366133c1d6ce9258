// The hyper-parameters of a run, with the reference notebook's values as defaults.

import { AlbertGpuError, type Precision } from "../engine/index.ts";
import { MIN_LENGTH } from "../model/tokenizer-files.ts";
import { REPORT_TO, type ReportTo } from "./run-log.ts";

/** The scores a best model may be chosen by; "loss" counts downwards. */
export const METRICS = ["f1", "accuracy", "precision", "recall", "loss"] as const;
export type MetricName = (typeof METRICS)[number];

/** What the operands of matrix products may be. */
export const PRECISIONS = ["f32", "f16"] as const satisfies readonly Precision[];
/** When layers are computed twice. */
export const ACTIVATION_CHECKPOINTING = ["auto", "on", "off"] as const;
export type ActivationCheckpointing = (typeof ACTIVATION_CHECKPOINTING)[number];

/** Names and meanings follow transformers' TrainingArguments. */
export interface TrainingArguments {
  /** Passes over the training set. */
  readonly epochs: number;
  /** Examples of one micro-batch. */
  readonly batchSize: number;
  readonly evalBatchSize: number;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Optimiser steps of linear warm-up. */
  readonly warmupSteps: number;
  readonly weightDecay: number;
  /** Tokens of a text with its special tokens; longer texts are cut. */
  readonly maxLength: number;
  readonly seed: number;
  /** Evaluations without a better `metric` before training stops; 0 never stops. */
  readonly earlyStoppingPatience: number;
  readonly metric: MetricName;
  /** Optimiser steps between log entries; the first step is logged too. */
  readonly loggingSteps: number;
  /** Largest global gradient norm; 0 does not clip. */
  readonly maxGradNorm: number;
  /** Micro-batches whose gradients make one optimiser step. */
  readonly gradientAccumulationSteps: number;
  /** Optimiser steps in all, instead of `epochs`. */
  readonly maxSteps: number | undefined;
  /** Checkpoints kept besides the best one; undefined keeps all. */
  readonly saveTotalLimit: number | undefined;
  /** Pad every text to maxLength, as the reference does, instead of packing them without padding. */
  readonly padToMaxLength: boolean;
  /** Of the operands of matrix products. */
  readonly precision: Precision;
  /** Keep only each layer's input for backward; "auto": where the device would not hold the rest. */
  readonly activationCheckpointing: ActivationCheckpointing;
  /** Where the log goes besides log.jsonl. */
  readonly reportTo: ReportTo;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** The reference's settings; the rest is transformers' default. */
export const DEFAULT_ARGUMENTS: TrainingArguments = {
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
  maxSteps: undefined,
  saveTotalLimit: undefined,
  padToMaxLength: false,
  precision: "f32",
  activationCheckpointing: "auto",
  reportTo: "tensorboard",
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
};

/** Arguments that a resumed run may change: they do not touch the arithmetic of a step. */
export const FREE_ON_RESUME: ReadonlySet<keyof TrainingArguments> = new Set([
  "evalBatchSize",
  "loggingSteps",
  "saveTotalLimit",
  "earlyStoppingPatience",
  "activationCheckpointing",
  "reportTo",
] as const);

/** An option has a value that cannot be used. `option` is the argument's name. */
export class ArgumentError extends AlbertGpuError {
  readonly option: string;
  constructor(option: string, requirement: string, value: unknown) {
    super(`${option} must be ${requirement}; got ${String(value)}.`);
    this.option = option;
  }
}

const isAmount = (x: number): boolean => Number.isFinite(x) && x >= 0;

/** Throws ArgumentError unless `value` is an integer of at least `least`. */
export function checkInteger(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  const requirement = least === 1 ? "a positive integer" : `an integer of at least ${least}`;
  throw new ArgumentError(option, requirement, value);
}

/** Throws ArgumentError unless `value` is a finite number of at least 0. */
export function checkAmount(option: string, value: number): void {
  if (!isAmount(value)) throw new ArgumentError(option, "a number of at least 0", value);
}

/** Throws ArgumentError, naming the first argument out of its range. */
export function checkArguments(args: TrainingArguments): void {
  const natural = [
    "epochs",
    "batchSize",
    "evalBatchSize",
    "loggingSteps",
    "gradientAccumulationSteps",
  ] as const;
  for (const name of natural) checkInteger(name, args[name], 1);
  for (const name of ["maxSteps", "saveTotalLimit"] as const) {
    const value = args[name];
    if (value !== undefined) checkInteger(name, value, 1);
  }
  for (const name of ["warmupSteps", "earlyStoppingPatience"] as const) {
    checkInteger(name, args[name], 0);
  }
  for (const name of ["weightDecay", "maxGradNorm"] as const) checkAmount(name, args[name]);
  for (const name of ["learningRate", "eps"] as const) {
    if (!(isAmount(args[name]) && args[name] > 0)) {
      throw new ArgumentError(name, "a number above 0", args[name]);
    }
  }
  for (const name of ["beta1", "beta2"] as const) {
    if (!(args[name] >= 0 && args[name] < 1))
      throw new ArgumentError(name, "in [0, 1)", args[name]);
  }
  if (!Number.isSafeInteger(args.seed)) throw new ArgumentError("seed", "an integer", args.seed);
  checkInteger("maxLength", args.maxLength, MIN_LENGTH);
  const choices = {
    metric: METRICS,
    reportTo: REPORT_TO,
    precision: PRECISIONS,
    activationCheckpointing: ACTIVATION_CHECKPOINTING,
  } as const;
  for (const name of Object.keys(choices) as (keyof typeof choices)[]) {
    const allowed: readonly string[] = choices[name];
    if (!allowed.includes(args[name])) {
      throw new ArgumentError(name, `one of ${allowed.join(", ")}`, args[name]);
    }
  }
}
