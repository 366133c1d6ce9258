// Of classes too many for a matrix: what is mistaken for what most often.

import * as Plot from "@observablehq/plot";
import { number, percent } from "../../train/audit/index.ts";
import { frequentConfusions, type PredictionReport } from "../../train/index.ts";
import { axis, type Chart, cut, draw, SERIES } from "./chart.ts";
import { legible } from "./markup.ts";

const MOST_BARS = 20;
const MOST_ROWS = 100;
const NAME_CHARACTERS = 24;
const WIDTH = 640;

/** The largest cells of the confusion matrix beside its diagonal, as bars and as a table. */
export function frequentConfusionsChart(report: PredictionReport): Chart {
  const { confusion, labels, metrics, mistakes } = report;
  const names = labels.map(legible);
  const most = frequentConfusions(confusion, MOST_ROWS);
  const short = (id: number): string => cut(names[id]!, NAME_CHARACTERS);
  const bars = most.slice(0, MOST_BARS).map(({ truth, predicted, count }, place) => {
    return { place, count, name: `${short(truth)} called ${short(predicted)}` };
  });
  const longest = Math.max(0, ...bars.map(({ name }) => Array.from(name).length));
  return {
    id: "confusion",
    title: "Confusions",
    summary:
      most.length === 0
        ? `Nothing of ${labels.length} classes is mistaken for anything else.`
        : `${labels.length} classes are too many for a matrix. These are the most frequent of ${number(mistakes.count)} mistakes; predictions.jsonl has all.`,
    svg: draw({
      width: WIDTH,
      height: 60 + 18 * Math.max(1, bars.length),
      marginRight: 40,
      marginLeft: 12 + 6.6 * longest,
      x: axis("rows", { zero: true, ticks: Math.min(5, most[0]?.count ?? 1) }),
      y: {
        label: null,
        tickFormat: (place: number) => bars[place]?.name ?? "",
        tickSize: 0,
      },
      marks: [
        Plot.barX(bars, { x: "count", y: "place", fill: SERIES[0]!, fillOpacity: 0.75, rx: 3 }),
        Plot.text(bars, {
          x: "count",
          y: "place",
          text: ({ count }: (typeof bars)[number]) => number(count),
          dx: 5,
          textAnchor: "start",
          fill: "currentColor",
        }),
      ],
    }),
    legend: [],
    table: [
      ["truth", "called", "rows", "share of the class"],
      ...most.map(({ truth, predicted, count }) => [
        names[truth]!,
        names[predicted]!,
        number(count),
        percent(count / metrics.perClass[truth]!.support),
      ]),
    ],
  };
}
