// The report for a terminal or a log.

import { join } from "node:path";
import { PREDICTIONS_FILE } from "../../train/index.ts";
import { number, percent } from "../../train/audit/index.ts";
import { shortName } from "../../train/listed.ts";
import { printConfusion } from "../confusion.ts";
import { duration, excerpt, type Printer } from "../printer.ts";
import { lead, type RunReport } from "./run-report.ts";

const MOST_MISTAKES = 10;
const BLOCKS = "▁▂▃▄▅▆▇█";
const SPARK_WIDTH = 40;

/** Prints all of it. Curves are drawn on a terminal only. */
export function printReport(printer: Printer, report: RunReport): void {
  const { run, predictions } = report;
  printRun(printer, report);
  for (const warning of run.warnings) printer.line(`warning      ${warning}`);
  printer.line();
  printEpochs(printer, report);
  printer.line();
  printer.line(lead(report));
  printer.line(`loss ${(run.test ?? run.validation).loss.toFixed(4)}`);
  printer.line();
  printer.line(predictions.classificationReport.trimEnd());
  printer.line();
  const { labels, confusion } = predictions;
  printConfusion(printer, confusion, labels, join(run.output, PREDICTIONS_FILE));
  printer.line();
  printRanking(printer, report);
  printer.line();
  printLengths(printer, report);
  printer.line();
  printWrong(printer, report);
}

function printRun(printer: Printer, { run }: RunReport): void {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const lines: Record<string, string> = {
    run: `${run.output}, finished ${run.finished} after ${duration(run.seconds)}`,
    command: run.command,
    seed: String(run.arguments.seed),
    adapter: `${run.adapter.name} (${run.adapter.backend})${run.adapter.software ? ", software" : ""}`,
    versions: versions.join(", "),
    rows: Object.entries(run.sizes)
      .map(([name, n]) => `${name} ${number(n)}`)
      .join(", "),
    model: `${number(run.parameters)} parameters, of step ${run.bestStep} of ${run.steps}`,
  };
  for (const [name, text] of Object.entries(lines)) printer.line(`${name.padEnd(12)} ${text}`);
}

function printEpochs(printer: Printer, { run }: RunReport): void {
  const names = ["eval_loss", "eval_accuracy", "eval_precision", "eval_recall", "eval_f1"];
  const rows = run.log
    .filter((entry) => entry["eval_loss"] !== undefined)
    .map((entry) => [
      entry["epoch"]!.toFixed(2),
      String(entry["step"]),
      ...names.map((name) => entry[name]!.toFixed(5)),
      entry["step"] === run.bestStep ? "kept" : "",
    ]);
  const head = ["epoch", "step", "valid loss", "accuracy", "precision", "recall", "f1", ""];
  printer.table([head, ...rows]);
  if (!printer.isTerminal) return;
  printer.line();
  for (const [title, name] of [
    ["loss", "loss"],
    ["valid loss", "eval_loss"],
    ["valid f1", "eval_f1"],
    ["rate", "learning_rate"],
    ["grad norm", "grad_norm"],
  ] as const) {
    const values = run.log.flatMap((entry) => entry[name] ?? []);
    if (values.length < 2) continue;
    const [first, last] = [values[0]!, values.at(-1)!].map((value) => value.toPrecision(3));
    printer.line(`${title.padEnd(12)} ${sparkline(values)}  ${first} to ${last}`);
  }
}

/** A value a column, each the mean of its share of the values. */
export function sparkline(values: readonly number[]): string {
  const width = Math.min(SPARK_WIDTH, values.length);
  const means = Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    const part = values.slice(from, Math.floor(((i + 1) * values.length) / width));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const level = (value: number): number =>
    high === low ? 0 : Math.round(((value - low) / (high - low)) * (BLOCKS.length - 1));
  return means.map((value) => BLOCKS[level(value)]).join("");
}

function printRanking(printer: Printer, { predictions }: RunReport): void {
  const { curves, macroRocAuc, calibration } = predictions;
  const score = (value: number | null): string => (value === null ? "-" : value.toFixed(4));
  printer.table([
    ["", "ROC AUC", "average precision"],
    ...curves.map(({ label, rocAuc, averagePrecision }) => [
      shortName(label),
      score(rocAuc),
      score(averagePrecision),
    ]),
    ["mean", score(macroRocAuc), ""],
  ]);
  printer.line();
  printer.line(
    `expected calibration error ${calibration.ece.toFixed(4)} (${calibration.bins.length} bins of equal width)`,
  );
  printer.table([
    ["probability", "rows", "mean probability", "share right"],
    ...calibration.bins.flatMap(({ from, to, count, confidence, accuracy }) =>
      count === 0
        ? []
        : [
            [
              `${from.toFixed(2)} to ${to.toFixed(2)}`,
              number(count),
              score(confidence),
              score(accuracy),
            ],
          ],
    ),
  ]);
}

function printLengths(printer: Printer, { predictions }: RunReport): void {
  printer.table([
    ["tokens", "rows", "wrong", "error rate", "95 % interval"],
    ...predictions.lengths.map(({ from, to, count, errors, low, high }) => [
      `${from} to ${to}`,
      number(count),
      number(errors),
      percent(errors / count),
      `${percent(low)} to ${percent(high)}`,
    ]),
  ]);
}

function printWrong(printer: Printer, { predictions }: RunReport): void {
  const { count, shown } = predictions.mistakes;
  if (count === 0) return printer.line("nothing is misclassified");
  printer.line(
    `misclassified: ${number(count)} of ${number(predictions.count)}, the most confident first`,
  );
  for (const { row, label, predicted, confidence, title, text = "" } of shown.slice(
    0,
    MOST_MISTAKES,
  )) {
    const said = `row ${row}, truth ${shortName(label)}, predicted ${shortName(predicted)} ${confidence.toFixed(3)}`;
    printer.line(`  ${said}: ${excerpt(title ?? text, 80)}`);
  }
}
