// Writes what a run's folder gets to be looked at: report.html and two pictures. Heavy to import: do it when it is needed.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFilesInto } from "../../train/index.ts";
import { reportPage } from "./page.ts";
import { picture } from "./picture.ts";
import { predictionCharts } from "./prediction-charts.ts";
import type { RunReport } from "./run-report.ts";
import { trainingCharts } from "./training-charts.ts";

/** Draws the report of a run into its folder, which must be this process's alone. Returns the names of the files. */
export async function drawReport(folder: string, report: RunReport): Promise<string[]> {
  const training = trainingCharts(report.run);
  const predictions = predictionCharts(report.predictions);
  const write = (name: string, content: string | Uint8Array): Promise<void> =>
    writeFilesInto(
      folder,
      (aside) => writeFile(join(aside, name), content),
      `then run \`albert-gpu report ${folder}\``,
    );
  await write("report.html", reportPage(report, { training, predictions }));
  await write("curves.png", picture(training, 2));
  await write("confusion-matrix.png", picture(predictions.slice(0, 1), 1));
  return ["report.html", "curves.png", "confusion-matrix.png"];
}
