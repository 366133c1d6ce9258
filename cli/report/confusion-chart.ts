// Which classes are mistaken for which.

import * as Plot from "@observablehq/plot";
import { number, percent } from "../../train/audit/index.ts";
import type { PredictionReport } from "../../train/index.ts";
import { type Chart, cut, draw, HEIGHT, PAPER, SERIES, WIDTH } from "./chart.ts";
import { frequentConfusionsChart } from "./frequent-confusions.ts";
import { legible } from "./markup.ts";

const NAME_CHARACTERS = 14;
// Beyond that a page is megabytes of cells that nobody can read.
const MOST_CLASSES = 60;

/** What is mistaken for what: a matrix, or of more than sixty classes the most frequent confusions. */
export function confusionChart(report: PredictionReport): Chart {
  return report.labels.length > MOST_CLASSES
    ? frequentConfusionsChart(report)
    : matrixChart(report);
}

/** Counts by true and predicted class. */
function matrixChart({ confusion: matrix, labels }: PredictionReport): Chart {
  const K = labels.length;
  const names = labels.map(legible);
  const cells = matrix.flatMap((row, truth) => {
    const total = row.reduce((sum, n) => sum + n, 0);
    return row.map((n, said) => ({ truth, said, n, share: total === 0 ? 0 : n / total }));
  });
  const longest = Math.max(...names.map((name) => Array.from(cut(name, NAME_CHARACTERS)).length));
  const left = 28 + 6.6 * longest;
  const width = K > 8 ? Math.min(1100, 120 + 34 * K) : WIDTH;
  const isCrowded = K > 3;
  const isSlanted = 7 * longest > (width - left) / K;
  const below = isSlanted ? 28 + 6.9 * longest : 36;
  const height = Math.round(Math.max(HEIGHT, 24 + 24 * K + below));
  const name = (id: number): string => cut(names[id]!, NAME_CHARACTERS);
  const wrong = cells.filter(({ truth, said }) => truth !== said);
  const worst = wrong.reduce((a, b) => (b.n > a.n ? b : a));
  return {
    id: "confusion",
    title: "Confusion matrix",
    summary:
      worst.n === 0
        ? "Rows are the truth, columns the prediction. Nothing is mistaken for anything else."
        : `Rows are the truth, columns the prediction; shades are shares of the row. The most frequent mistake: ${number(worst.n)} of ${names[worst.truth]} called ${names[worst.said]}.`,
    svg: draw({
      width,
      height,
      marginLeft: left,
      marginBottom: below,
      marginTop: 8,
      padding: 0.04,
      x: {
        label: "predicted",
        labelArrow: "none",
        tickFormat: name,
        tickSize: 0,
        tickRotate: isSlanted ? -90 : 0,
      },
      y: {
        label: "truth",
        labelArrow: "none",
        tickFormat: name,
        tickSize: 0,
        labelAnchor: "center",
      },
      marks: [
        Plot.cell(cells, {
          x: "said",
          y: "truth",
          fill: SERIES[0]!,
          fillOpacity: (d: Cell) => 0.06 + 0.94 * d.share,
          rx: 3,
        }),
        K > 30 ? null : cellText(cells, isCrowded),
      ] as Plot.Markish[],
    }),
    legend: [],
    table: [
      ["truth", ...names.map((one) => `called ${one}`)],
      ...matrix.map((row, i) => [names[i]!, ...row.map(number)]),
    ],
  };
}

interface Cell {
  readonly truth: number;
  readonly said: number;
  readonly n: number;
  readonly share: number;
}

const cellText = (cells: readonly Cell[], isCrowded: boolean): Plot.Markish =>
  Plot.text(cells, {
    x: "said",
    y: "truth",
    text: ({ n, share }: Cell) => (isCrowded ? number(n) : `${number(n)}\n${percent(share)}`),
    fill: (d: Cell) => (d.share > 0.55 ? PAPER : "currentColor"),
    fontSize: isCrowded ? 11 : 13,
  });
