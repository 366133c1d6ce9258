// report.html: one file that needs nothing else. It loads nothing, and its Content-Security-Policy forbids it to.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { number } from "../../train/audit/index.ts";
import { shellCommand } from "../run-results.ts";
import { type Chart, day, score } from "./chart.ts";
import { facts } from "./facts.ts";
import { markup, Markup } from "./markup.ts";
import { mistakes } from "./mistakes.ts";
import { lead, type RunReport } from "./run-report.ts";

// A browser reads a CRLF as LF before it hashes a script.
const asset = (name: string): string =>
  readFileSync(new URL(name, import.meta.url), "utf8").replaceAll("\r\n", "\n");

export interface PageCharts {
  readonly training: readonly Chart[];
  readonly predictions: readonly Chart[];
}

/** The whole page as text. */
export function reportPage(report: RunReport, charts: PageCharts): string {
  const { run } = report;
  const script = asset("./page-script.js");
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
  const name = basename(resolve(run.output));
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="generator" content="albert-gpu ${run.versions["albert-gpu"]}" />
        <title>${name} – training report</title>
        <link rel="icon" href="data:," />
        <style>
          ${new Markup(asset("./page.css"))}
        </style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the results</a>
        <header>
          <div>
            <h1>${name}</h1>
            <p class="muted">albert-gpu training report, ${day(run.finished)}</p>
            <nav aria-label="Sections">
              <ul>
                <li><a href="#training">Training</a></li>
                <li><a href="#predictions">Predictions</a></li>
                <li><a href="#wrong">Mistakes</a></li>
                <li><a href="#run">The run</a></li>
              </ul>
            </nav>
          </div>
          <button id="theme" type="button" hidden>Colours: system</button>
        </header>
        <main id="main">
          ${warnings(report)} ${tiles(report)}
          <h2 id="training">Training</h2>
          <div class="charts">${charts.training.map(figure)}</div>
          <h2 id="predictions">Predictions on the ${report.set} set</h2>
          <div class="charts">${classTable(report)}${charts.predictions.map(figure)}</div>
          ${mistakes(report)} ${facts(report)}
        </main>
        <footer>
          Written by albert-gpu ${run.versions["albert-gpu"]}. The same as text:
          <code>${shellCommand(["report", run.output])}</code>
        </footer>
        <script>${new Markup(script)}</script>
      </body>
    </html> `;
  return page.text;
}

function warnings({ run }: RunReport): Markup {
  if (run.warnings.length === 0) return markup``;
  return markup`<section class="warnings" aria-labelledby="warnings">
    <h2 id="warnings">Before you believe these scores</h2>
    <ul>
      ${run.warnings.map((warning) => markup`<li>${warning}</li>`)}
    </ul>
    <p class="muted">
      Found in the data before training; <code>albert-gpu audit</code> shows more.
    </p>
  </section>`;
}

function tiles(report: RunReport): Markup {
  const { run, predictions } = report;
  const { metrics, labels, count: total, macroRocAuc, calibration } = predictions;
  const values: [string, string][] = [
    ["F1 (weighted)", score(metrics.f1)],
    ["accuracy", score(metrics.accuracy)],
    [labels.length === 2 ? "ROC AUC" : "mean ROC AUC", score(macroRocAuc)],
    ["calibration error", score(calibration.ece)],
    ["loss", score((run.test ?? run.validation).loss)],
    ["wrong", `${number(predictions.mistakes.count)} of ${number(total)}`],
  ];
  return markup`<dl class="tiles">
      ${values.map(
        ([term, value]) =>
          markup`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <p>${lead(report)}</p>`;
}

function figure({ id, title, summary, svg, legend, table }: Chart): Markup {
  const isWide = Number(/ width="(\d+)"/.exec(svg)?.[1]) > 500;
  const drawing = svg.replace(
    "<svg ",
    `<svg role="img" aria-labelledby="${id}-title" aria-describedby="${id}-summary" `,
  );
  return markup`<figure${new Markup(isWide ? ' class="wide"' : "")}>
<figcaption><h3 id="${id}-title">${title}</h3><p id="${id}-summary">${summary}</p></figcaption>
${
  legend.length === 0
    ? ""
    : markup`<ul class="legend">
        ${legend.map((entry) => markup`<li><i style="background:${entry.color}"></i>${entry.label}</li>`)}
      </ul>`
}
${new Markup(drawing)}
<details><summary>Numbers</summary>${numbers(table, title)}</details>
</figure>`;
}

/** A table whose first row is its head and whose first column names the rows. */
function numbers([head = [], ...rows]: Chart["table"], name: string): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${name}, numbers">
    <table>
      <thead>
        <tr>
          ${head.map((cell) => markup`<th scope="col">${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first = "", ...cells]) =>
            markup`<tr>
              <th scope="row">${first}</th>
              ${cells.map((cell) => markup`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function classTable({ predictions: { metrics, labels, count: total } }: RunReport): Markup {
  const cells = ({ precision, recall, f1 }: typeof metrics.macro, n: number): Markup =>
    markup`<td>${score(precision)}</td>
      <td>${score(recall)}</td>
      <td>${score(f1)}</td>
      <td>${number(n)}</td>`;
  const row = (name: string, scores: typeof metrics.macro, n: number): Markup =>
    markup`<tr>
      <th scope="row">${name}</th>
      ${cells(scores, n)}
    </tr>`;
  return markup`<section class="card" aria-labelledby="classes">
    <h3 id="classes">Classification report</h3>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="classes">
      <table>
        <thead>
          <tr>
            <th scope="col">class</th>
            <th scope="col">precision</th>
            <th scope="col">recall</th>
            <th scope="col">F1</th>
            <th scope="col">support</th>
          </tr>
        </thead>
        <tbody>
          ${metrics.perClass.map((one, i) => row(labels[i]!, one, one.support))}
          <tr class="summary">
            <th scope="row">macro mean</th>
            ${cells(metrics.macro, total)}
          </tr>
          <tr class="summary">
            <th scope="row">weighted mean</th>
            ${cells(metrics, total)}
          </tr>
          <tr class="summary">
            <th scope="row">accuracy</th>
            <td></td>
            <td></td>
            <td>${score(metrics.accuracy)}</td>
            <td>${number(total)}</td>
          </tr>
        </tbody>
      </table>
    </div>
  </section>`;
}
