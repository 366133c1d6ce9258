// A run with more classes than a matrix of them can be read.

import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { confusionChart } from "../../../cli/report/confusion-chart.ts";
import { drawReport } from "../../../cli/report/draw.ts";
import { loadRunReport, type RunReport } from "../../../cli/report/run-report.ts";
import { type PredictionReport, reportPredictions } from "../../../train/index.ts";
import { CHROMIUM, openPage } from "../../support/browser.ts";
import { inProcess } from "../command.ts";
import { temporaryFolder } from "../news.ts";
import { predictions, results, writeRun } from "./run-folder.ts";

const files = temporaryFolder();
afterAll(() => files.remove());

const named = (K: number) => Array.from({ length: K }, (_, k) => `intent_${k}`);
const reported = (K: number, skill?: number): PredictionReport =>
  reportPredictions(predictions(5 * K, named(K), undefined, skill), named(K));

const folder = join(files.folder, "intents");
let report: RunReport;
beforeAll(async () => {
  mkdirSync(folder);
  writeRun(folder, results({ labels: named(150) }), predictions(3000, named(150)));
  report = await loadRunReport(folder);
});

it("has a matrix up to sixty classes, and beyond them the most frequent confusions", () => {
  const matrix = confusionChart(reported(60));
  expect(matrix.title).toBe("Confusion matrix");
  expect(matrix.table).toHaveLength(61);

  const { title, summary, table, svg } = confusionChart(report.predictions);
  const { confusion, mistakes } = report.predictions;
  expect(title).toBe("Confusions");
  expect(summary).toContain(`150 classes are too many for a matrix`);
  expect(summary).toContain(`the most frequent of ${mistakes.count} mistakes`);
  const [head, ...rows] = table;
  expect(head).toEqual(["truth", "called", "rows", "share of the class"]);
  expect(rows).toHaveLength(100);
  for (const [truth = "", called = "", count, share] of rows) {
    const [row, column] = [truth, called].map((name) => Number(name.replace("intent_", "")));
    expect(count).toBe(String(confusion[row!]![column!]));
    expect(share).toBe(`${(5 * Number(count)).toFixed(1)} %`); // of 20 rows each
  }
  const counts = rows.map((row) => Number(row[2]));
  expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  expect(svg).toContain(`>${rows[19]![0]} called ${rows[19]![1]}<`);
  expect(svg).not.toContain(`>${rows[20]![0]} called ${rows[20]![1]}<`);
});

it("says so where there are no confusions", () => {
  const { summary, table } = confusionChart(reported(61, 1));
  expect(summary).toBe("Nothing of 61 classes is mistaken for anything else.");
  expect(table).toHaveLength(1);
});

it("has a page of less than a megabyte, whose facts name ten classes, and a small picture", async () => {
  await drawReport(folder, report);
  const html = readFileSync(join(folder, "report.html"), "utf8");
  expect(html.length).toBeLessThan(1e6);
  expect(html).toContain("intent_9 and 140 more</dd>");
  expect(html).toContain(">intent_149</th>"); // the classification report is whole
  expect(statSync(join(folder, "confusion-matrix.png")).size).toBeLessThan(3e5);
});

it.skipIf(!CHROMIUM)("has a page that stays on a small screen (needs Chromium)", async () => {
  await drawReport(folder, report);
  const { page, problems } = await openPage(join(folder, "report.html"), { width: 390 });
  expect(problems).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  const bars = page.locator("figure", { hasText: "too many for a matrix" }).locator("svg rect");
  expect(await bars.count()).toBe(20);
});

it("prints the ten most frequent confusions, and the classification report whole", async () => {
  const { code, stdout } = await inProcess("report", folder);
  expect(code).toBe(0);
  const file = join(folder, "predictions.jsonl");
  const [, after = ""] = stdout.split(
    `most frequent confusions of 150 classes; ${file} has every prediction\n`,
  );
  const [list = ""] = after.split("\n\n");
  expect(list.split("\n")).toHaveLength(10);
  expect(list).toMatch(/^ {2}truth intent_\d+, predicted intent_\d+: \d+\n/);
  expect(stdout).toMatch(/\n +intent_149 +[01]\.\d{4} /);
  expect(stdout.length).toBeLessThan(50_000);
});
