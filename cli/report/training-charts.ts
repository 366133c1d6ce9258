// The charts of a run's log: losses, scores, learning rate and gradient norm over the steps.

import * as Plot from "@observablehq/plot";
import type { TrainResults } from "../run-results.ts";
import { axis, type Chart, draw, MUTED, SERIES, score, short } from "./chart.ts";

interface Step {
  readonly step: number;
  readonly value: number;
}

// Points of a line: more cannot be told apart at its width.
const MOST_POINTS = 180;

/** The values of a name in the log, in order. */
function valuesOf(log: TrainResults["log"], name: string): Step[] {
  return log.flatMap((entry) => {
    const value = entry[name];
    return value === undefined ? [] : [{ step: entry["step"]!, value }];
  });
}

/** Means over runs of neighbours, so that few enough points are left. */
function condensed(values: readonly Step[]): Step[] {
  const size = Math.ceil(values.length / MOST_POINTS);
  if (size === 1) return [...values];
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => {
    const group = values.slice(i * size, (i + 1) * size);
    const mean = group.reduce((sum, { value }) => sum + value, 0) / group.length;
    return { step: group.at(-1)!.step, value: mean };
  });
}

const line = (values: readonly Step[], color: string): Plot.Markish =>
  Plot.lineY(values, { x: "step", y: "value", stroke: color, strokeWidth: 1.75 });

const dots = (values: readonly Step[], color: string): Plot.Markish =>
  Plot.dot(values, { x: "step", y: "value", fill: color, r: 3 });

/** Where the model that was kept comes from. */
const best = (step: number): Plot.Markish[] => [
  Plot.ruleX([step], { stroke: MUTED, strokeDasharray: "3,3" }),
  Plot.text([step], {
    x: (d: number) => d,
    text: () => "kept",
    frameAnchor: "top",
    dy: -9,
    fill: MUTED,
  }),
];

const steps = (run: TrainResults): Plot.ScaleOptions => axis("step", { domain: [0, run.steps] });

/** Losses, scores, learning rate and gradient norm, in this order; those that were never logged are left out. */
export function trainingCharts(run: TrainResults): Chart[] {
  return [losses(run), scores(run), rates(run), norms(run)].filter((chart) => chart !== undefined);
}

function epochTable({ log, bestStep }: TrainResults): string[][] {
  let since = 0; // what was logged after the evaluation before
  const rows = log.flatMap((entry, i) => {
    if (entry["eval_loss"] === undefined) return [];
    const trained = valuesOf(log.slice(since, i), "loss").map(({ value }) => value);
    since = i + 1;
    const mean = trained.reduce((sum, value) => sum + value, 0) / trained.length;
    const names = ["eval_loss", "eval_accuracy", "eval_precision", "eval_recall", "eval_f1"];
    return [
      [
        entry["epoch"]!.toFixed(2),
        `${entry["step"]}${entry["step"] === bestStep ? " (kept)" : ""}`,
        trained.length > 0 ? score(mean) : "–",
        ...names.map((name) => score(entry[name] ?? null)),
      ],
    ];
  });
  const head = ["epoch", "step", "logged loss", "validation loss", "accuracy", "precision"];
  return [[...head, "recall", "F1"], ...rows];
}

function losses(run: TrainResults): Chart | undefined {
  const training = valuesOf(run.log, "loss");
  const validation = valuesOf(run.log, "eval_loss");
  if (training.length + validation.length === 0) return undefined;
  const lowest = validation.reduce((a, b) => (b.value < a.value ? b : a), validation[0]!);
  const [s0, s1] = SERIES as [string, string];
  return {
    id: "loss",
    title: "Loss",
    summary: `Mean cross-entropy in nats. Validation loss was lowest, ${score(lowest.value)}, after step ${lowest.step}; the model kept is that of step ${run.bestStep}, the best by ${run.arguments.metric}.`,
    svg: draw({
      x: steps(run),
      y: axis(null, { zero: true }),
      grid: true,
      marks: [
        ...best(run.bestStep),
        line(condensed(training), s0),
        line(validation, s1),
        dots(validation, s1),
      ],
    }),
    legend: [
      { label: "training", color: s0 },
      { label: "validation", color: s1 },
    ],
    table: epochTable(run),
  };
}

function scores(run: TrainResults): Chart | undefined {
  const accuracy = valuesOf(run.log, "eval_accuracy");
  const f1 = valuesOf(run.log, "eval_f1");
  if (accuracy.length === 0) return undefined;
  const lowest = Math.min(...[...accuracy, ...f1].map(({ value }) => value));
  const [, s1, s2] = SERIES as [string, string, string];
  const last = f1.find(({ step }) => step === run.bestStep) ?? f1.at(-1)!;
  return {
    id: "scores",
    title: "Validation scores",
    summary: `Weighted F1 of the model kept, on the validation set: ${score(last.value)}, after step ${last.step}.`,
    svg: draw({
      x: steps(run),
      y: axis(null, { domain: [Math.max(0, Math.floor(20 * lowest - 1) / 20), 1], nice: false }),
      grid: true,
      marks: [
        ...best(run.bestStep),
        line(accuracy, s2),
        dots(accuracy, s2),
        line(f1, s1),
        dots(f1, s1),
      ],
    }),
    legend: [
      { label: "F1 (weighted)", color: s1 },
      { label: "accuracy", color: s2 },
    ],
    table: epochTable(run),
  };
}

function rates(run: TrainResults): Chart | undefined {
  const values = valuesOf(run.log, "learning_rate");
  if (values.length === 0) return undefined;
  const peak = values.reduce((a, b) => (b.value > a.value ? b : a));
  return {
    id: "learning-rate",
    title: "Learning rate",
    summary: `Highest where it was logged: ${short(peak.value)}, at step ${peak.step}. Warm-up: ${run.arguments.warmupSteps} steps, then linear decay.`,
    svg: draw({
      x: steps(run),
      y: axis(null, { zero: true, tickFormat: short }),
      marginLeft: 44,
      grid: true,
      marks: [line(condensed(values), SERIES[0]!)],
    }),
    legend: [],
    table: stepTable("learning rate", condensed(values)),
  };
}

function norms(run: TrainResults): Chart | undefined {
  const values = valuesOf(run.log, "grad_norm");
  if (values.length === 0) return undefined;
  const { maxGradNorm } = run.arguments;
  const clipped = values.filter(({ value }) => maxGradNorm > 0 && value > maxGradNorm).length;
  const highest = values.reduce((a, b) => (b.value > a.value ? b : a));
  return {
    id: "gradient-norm",
    title: "Gradient norm",
    summary: `Before clipping. ${clipped} of ${values.length} logged steps were above the limit of ${maxGradNorm}; the highest is ${short(highest.value)}, at step ${highest.step}.`,
    svg: draw({
      x: steps(run),
      y: axis(null, { zero: true }),
      grid: true,
      marks: [
        maxGradNorm > 0
          ? Plot.ruleY([maxGradNorm], { stroke: MUTED, strokeDasharray: "3,3" })
          : null,
        line(condensed(values), SERIES[3]!),
      ],
    }),
    legend: [],
    table: stepTable("gradient norm", condensed(values)),
  };
}

const stepTable = (name: string, values: readonly Step[]): string[][] => [
  ["step", name],
  ...values.map(({ step, value }) => [String(step), short(value)]),
];
