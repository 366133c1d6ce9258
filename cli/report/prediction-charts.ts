// The charts of a model's predictions: confusion, ranking, calibration, scores and lengths.

import * as Plot from "@observablehq/plot";
import { number, percent } from "../../train/audit/index.ts";
import type { ClassCurves, PredictionReport } from "../../train/index.ts";
import { confusionChart } from "./confusion-chart.ts";
import { axis, type Chart, colorOf, cut, draw, MUTED, SERIES, score } from "./chart.ts";
import { legible } from "./markup.ts";

// Lines that can be told apart in one chart.
const MOST_LINES = SERIES.length;
// Room for the ticks and the name of a vertical axis.
const LABELLED = 50;
const DASHED = { stroke: MUTED, strokeDasharray: "3,3" };

/** In the order a reader asks: what is mistaken for what, how well it ranks, whether its certainty can be believed. */
export function predictionCharts(report: PredictionReport): Chart[] {
  return [
    confusionChart(report),
    roc(report),
    precisionRecall(report),
    reliability(report),
    histogram(report),
    lengths(report),
  ];
}

type Drawn = ClassCurves & { readonly color: string };

/** The classes whose lines are drawn: of two, where it is the same for both, the second. */
function drawn(all: readonly ClassCurves[], once: boolean): Drawn[] {
  const curves = all.map((curve, id) => ({ ...curve, color: colorOf(id) }));
  const known = curves.filter(({ rocAuc }) => rocAuc !== null);
  return once && curves.length === 2 ? known.slice(-1) : known.slice(0, MOST_LINES);
}

const omitted = (all: readonly ClassCurves[], shown: readonly ClassCurves[]): string =>
  shown.length === all.length || all.length === 2
    ? ""
    : ` ${shown.length} of ${all.length} classes are drawn.`;

function lines(curves: readonly Drawn[], of: "roc" | "precisionRecall"): Plot.Markish[] {
  return curves.map((curve) =>
    Plot.line(curve[of] as [number, number][], { stroke: curve.color, strokeWidth: 1.75 }),
  );
}

function roc({ curves, macroRocAuc, labels }: PredictionReport): Chart {
  const shown = drawn(curves, true);
  const last = legible(labels.at(-1)!);
  const area =
    labels.length === 2
      ? `Area under the curve: ${score(macroRocAuc)}, with ${last} as the class looked for.`
      : `Each class against the rest; mean area under the curves: ${score(macroRocAuc)}.`;
  return {
    id: "roc",
    title: "ROC",
    summary: `${area} The dashed line is guessing.${omitted(curves, shown)}`,
    svg: draw({
      x: axis("false positive rate", { domain: [0, 1] }),
      marginLeft: LABELLED,
      y: axis("true positive rate", { domain: [0, 1] }),
      grid: true,
      marks: [
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          DASHED,
        ),
        ...lines(shown, "roc"),
      ],
    }),
    legend: shown.map(({ label, rocAuc, color }) => ({
      label: `${legible(label)} ${score(rocAuc)}`,
      color,
    })),
    table: [
      ["class", "ROC AUC"],
      ...curves.map(({ label, rocAuc }) => [legible(label), score(rocAuc)]),
    ],
  };
}

function precisionRecall({ curves, metrics, count: total }: PredictionReport): Chart {
  const shown = drawn(curves, false);
  return {
    id: "precision-recall",
    title: "Precision and recall",
    summary: `As the threshold for a class falls. The areas (average precision) are in the key; guessing scores a class's share.${omitted(curves, shown)}`,
    svg: draw({
      x: axis("recall", { domain: [0, 1] }),
      marginLeft: LABELLED,
      y: axis("precision", { domain: [0, 1] }),
      grid: true,
      marks: lines(shown, "precisionRecall"),
    }),
    legend: shown.map(({ label, averagePrecision, color }) => ({
      label: `${legible(label)} ${score(averagePrecision)}`,
      color,
    })),
    table: [
      ["class", "average precision", "share of the set"],
      ...curves.map(({ label, averagePrecision }, i) => [
        legible(label),
        score(averagePrecision),
        percent(metrics.perClass[i]!.support / total),
      ]),
    ],
  };
}

function reliability({ calibration: { bins, ece }, count: total }: PredictionReport): Chart {
  const filled = bins.flatMap((bin) =>
    bin.confidence === null || bin.accuracy === null
      ? []
      : [{ ...bin, confidence: bin.confidence, accuracy: bin.accuracy }],
  );
  const gap = filled.reduce(
    (sum, bin) => sum + (bin.count / total) * (bin.confidence - bin.accuracy),
    0,
  );
  const right = filled.reduce((sum, bin) => sum + (bin.count / total) * bin.accuracy, 0);
  const isChance = Math.abs(gap) < 2 * Math.sqrt((right * (1 - right)) / total);
  const lean = isChance
    ? ""
    : gap > 0
      ? " On the whole it is too sure of itself."
      : " On the whole it is less sure than it could be.";
  const from = Math.min(...filled.map((bin) => bin.from));
  type Filled = (typeof filled)[number];
  return {
    id: "calibration",
    title: "Calibration",
    summary: `Is it right as often as it says? Expected calibration error (${bins.length} bins of equal width): ${score(ece)}.${lean} On the dashed line it would be; larger dots are more examples.`,
    svg: draw({
      x: axis("probability of the predicted class", { domain: [from, 1], nice: false }),
      marginLeft: LABELLED,
      y: axis("share that is right", { domain: [0, 1] }),
      r: { range: [2, 9] },
      grid: true,
      marks: [
        Plot.line(
          [
            [from, from],
            [1, 1],
          ],
          DASHED,
        ),
        Plot.link(filled, {
          x1: "confidence",
          x2: "confidence",
          y1: "confidence",
          y2: "accuracy",
          stroke: SERIES[3]!,
          strokeWidth: 2,
          strokeOpacity: 0.6,
        }),
        Plot.dot(filled, {
          x: "confidence",
          y: "accuracy",
          r: (d: Filled) => d.count,
          fill: SERIES[3]!,
          fillOpacity: 0.85,
          clip: false,
        }),
      ],
    }),
    legend: [],
    table: [
      ["probability", "examples", "mean probability", "share right"],
      ...filled.map((bin) => [
        `${bin.from.toFixed(2)} to ${bin.to.toFixed(2)}`,
        number(bin.count),
        score(bin.confidence),
        score(bin.accuracy),
      ]),
    ],
  };
}

function histogram({ scores, count: total, labels }: PredictionReport): Chart {
  const names = scores.series.map(legible);
  const colors = labels.length === 2 ? [colorOf(0), colorOf(1)] : [SERIES[2]!, SERIES[5]!];
  const bars = scores.bins.flatMap(({ from, to, counts }) =>
    counts.map((n, i) => ({
      from,
      to,
      y1: i === 0 ? 0 : counts[0]!,
      y2: n + (i === 0 ? 0 : counts[0]!),
      series: i,
    })),
  );
  const sure = scores.bins.filter(({ from, to }) => to <= 0.05 || from >= 0.95);
  const share = sure.reduce((sum, { counts }) => sum + counts[0]! + counts[1]!, 0) / total;
  const from = scores.bins.find(({ counts }) => counts.some((n) => n > 0))!.from;
  return {
    id: "scores-histogram",
    title: "Scores",
    summary: `How many examples get which ${legible(scores.of)}. ${percent(share)} lie within 0.05 of certainty.`,
    svg: draw({
      x: axis(cut(legible(scores.of), 40), { domain: [from >= 0.3 ? from : 0, 1], nice: false }),
      y: axis(null, { tickFormat: "~s" }),
      grid: true,
      marks: [
        ...[0, 1].map((i) =>
          Plot.rect(
            bars.filter(({ series }) => series === i),
            {
              x1: "from",
              x2: "to",
              y1: "y1",
              y2: "y2",
              fill: colors[i]!,
              insetLeft: 0.5,
              insetRight: 0.5,
            },
          ),
        ),
        Plot.ruleY([0]),
      ],
    }),
    legend: names.map((label, i) => ({ label, color: colors[i]! })),
    table: [
      ["from", "to", ...names],
      ...scores.bins.map(({ from, to, counts }) => [
        from.toFixed(2),
        to.toFixed(2),
        ...counts.map(number),
      ]),
    ],
  };
}

function lengths({ lengths: groups, count: total, mistakes }: PredictionReport): Chart {
  type Group = (typeof groups)[number] & { rate: number; middle: number };
  const drawnGroups: Group[] = groups.map((group) => ({
    ...group,
    rate: group.errors / group.count,
    middle: (group.from + group.to + 1) / 2,
  }));
  const highest = drawnGroups.reduce((a, b) => (b.rate > a.rate ? b : a));
  return {
    id: "lengths",
    title: "Length and error",
    summary: `Error rate by tokens read, in groups of about as many examples, with 95 % intervals. Overall: ${percent(mistakes.count / total)}; highest: ${percent(highest.rate)} at ${highest.from} to ${highest.to} tokens.`,
    svg: draw({
      x: axis("tokens", { zero: false }),
      y: axis(null, { zero: true, tickFormat: "%" }),
      grid: true,
      marks: [
        Plot.rect(drawnGroups, {
          x1: "from",
          x2: (d: Group) => d.to + 1,
          y1: () => 0,
          y2: "rate",
          fill: SERIES[0]!,
          fillOpacity: 0.35,
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        Plot.ruleX(drawnGroups, {
          x: "middle",
          y1: "low",
          y2: "high",
          stroke: SERIES[0]!,
          strokeWidth: 1.5,
        }),
        Plot.dot(drawnGroups, { x: "middle", y: "rate", fill: SERIES[0]!, r: 3 }),
        Plot.ruleY([mistakes.count / total], DASHED),
        Plot.ruleY([0]),
      ],
    }),
    legend: [],
    table: [
      ["tokens", "examples", "errors", "error rate", "95 % interval"],
      ...drawnGroups.map(({ from, to, count: n, errors, rate, low, high }) => [
        `${from} to ${to}`,
        number(n),
        number(errors),
        percent(rate),
        `${percent(low)} to ${percent(high)}`,
      ]),
    ],
  };
}
