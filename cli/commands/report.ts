// `albert-gpu report`: what a finished run's report says, as text, and its page and pictures drawn again.

import { lockRun } from "../../train/index.ts";
import { Printer } from "../printer.ts";
import { loadRunReport, type RunReport } from "../report/run-report.ts";
import { printReport } from "../report/text.ts";

export interface ReportOptions {
  /** The run's folder. */
  readonly folder: string;
  readonly json: boolean;
}

/** Throws FileError or DataError when the folder holds no finished run, TrainingError while a run writes to it. */
export async function reportCommand({ folder, json }: ReportOptions): Promise<RunReport> {
  const printer = new Printer(json);
  const report = await loadRunReport(folder);
  if (!json) printReport(printer, report);
  const unlock = lockRun(folder);
  try {
    const names = await draw(folder, report);
    printer.line();
    printer.line(`wrote        ${names.join(", ")} in ${folder}`);
  } finally {
    unlock();
  }
  return report;
}

async function draw(folder: string, report: RunReport): Promise<string[]> {
  const { drawReport } = await import("../report/draw.ts");
  return drawReport(folder, report);
}

/** The same at the end of training, where a failure must cost nothing: it is told, and what was written stays. */
export async function reportAfterTraining(folder: string, printer: Printer): Promise<void> {
  try {
    const names = await draw(folder, await loadRunReport(folder));
    printer.line(`report       ${names.join(", ")} in ${folder}`);
  } catch (error) {
    printer.line(
      `report       could not be drawn (${(error as Error).message}). The model and its results are whole; \`albert-gpu report ${folder}\` tries again.`,
    );
  }
}
