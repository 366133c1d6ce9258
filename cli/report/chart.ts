// How a chart is drawn: Observable Plot on a document that is no browser's, with the page's colours by name.

import * as Plot from "@observablehq/plot";
// The worker build is one file: it loads in a tenth of the time.
import { parseHTML } from "linkedom/worker";

/** What a page, a picture and a reader without eyes need of a chart. */
export interface Chart {
  /** Unique on a page, fit for an address. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence or two with the numbers that matter. */
  readonly summary: string;
  /** SVG that uses the colours below. */
  readonly svg: string;
  readonly legend: readonly LegendEntry[];
  /** The numbers drawn; the first row is the head. */
  readonly table: readonly (readonly string[])[];
}

export interface LegendEntry {
  readonly label: string;
  readonly color: string;
}

/** CSS variables; the page gives them values for light and dark, picture.ts those of light. */
export const SERIES = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `var(--s${i})`);
export const MUTED = "var(--muted)";
export const PAPER = "var(--paper)";

export const WIDTH = 300;
export const HEIGHT = 215;

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** Draws marks as SVG, with a light grid and no margins to waste. */
export function draw(options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    document,
    className: "plot",
    width: WIDTH,
    height: HEIGHT,
    marginTop: 20,
    marginRight: 12,
    marginBottom: 36,
    marginLeft: 36,
    ...options,
  });
  svg.querySelector("style")?.remove();
  // Ticks and frames are drawing, not text to be read out: the figure has a summary and a table.
  for (const node of svg.querySelectorAll("[aria-label]")) node.removeAttribute("aria-label");
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("font-size", "12");
  svg.setAttribute("font-family", "inherit");
  return svg.outerHTML;
}

/** An axis without an arrow, of a few ticks. Without a label where the chart's title says it. */
export function axis(label: string | null, more: Plot.ScaleOptions = {}): Plot.ScaleOptions {
  return { label, labelArrow: "none", labelAnchor: "center", nice: true, ticks: 5, ...more };
}

/** The colour of a class, the same in every chart. */
export const colorOf = (id: number): string => SERIES[id % SERIES.length]!;

/** A number for a person: up to four places, small ones by powers of ten. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2).replace(/\.?0*e/, "e");
  return String(Number(value.toFixed(4)));
}

export const score = (value: number | null): string => (value === null ? "–" : value.toFixed(4));

/** "2026-03-01 12:30 UTC", of an ISO 8601 time. */
export const day = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;

/** A name cut in its middle to fit beside an axis: names often differ at their ends. */
export function cut(name: string, characters: number): string {
  const all = Array.from(name);
  if (all.length <= characters) return name;
  const end = Math.floor((characters - 1) / 2);
  return `${all.slice(0, characters - 1 - end).join("")}…${all.slice(-end).join("")}`;
}
