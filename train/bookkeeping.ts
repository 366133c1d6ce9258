// What a run's state takes note of: the losses and scores of its log, and which evaluation was the best.

import type { MetricName } from "./arguments.ts";
import type { LogEntry, TrainerState } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { StepFacts } from "./finite.ts";

/** Adds a step's loss to the running means. */
export function noteLoss(state: TrainerState, loss: number): void {
  state.epochLossSum += loss;
  state.epochLossCount++;
  state.lossSum += loss;
  state.lossCount++;
}

/** Logs the mean loss since the last entry, with the rate and norm of the step itself, as transformers' Trainer does. */
export function logStep(state: TrainerState, facts: StepFacts, epoch: number): LogEntry {
  const { step, learningRate, gradientNorm } = facts;
  const loss = state.lossSum / state.lossCount;
  const entry = { step, epoch, loss, learning_rate: learningRate, grad_norm: gradientNorm };
  state.lossSum = 0;
  state.lossCount = 0;
  state.log.push(entry);
  return entry;
}

/** Logs an evaluation. Returns its entry, the mean training loss of the pass it ends, and whether it is the best so far by `metric`. */
export function noteEvaluation(
  state: TrainerState,
  evaluation: Evaluation,
  metric: MetricName,
  epoch: number,
): { entry: LogEntry; trainingLoss: number; best: boolean } {
  const value = evaluation[metric];
  const sign = metric === "loss" ? -1 : 1;
  const best = state.bestMetric === null || sign * value > sign * state.bestMetric;
  if (best) {
    state.bestMetric = value;
    state.bestStep = state.step;
    state.evaluationsWithoutImprovement = 0;
  } else {
    state.evaluationsWithoutImprovement++;
  }
  const { loss, accuracy, precision, recall, f1 } = evaluation;
  const entry = {
    step: state.step,
    epoch,
    eval_loss: loss,
    eval_accuracy: accuracy,
    eval_precision: precision,
    eval_recall: recall,
    eval_f1: f1,
  };
  state.log.push(entry);
  const trainingLoss = state.epochLossSum / state.epochLossCount;
  state.epochLossSum = 0;
  state.epochLossCount = 0;
  return { entry, trainingLoss, best };
}
