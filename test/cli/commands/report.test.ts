// The report of a run as text, as data and as pictures; and what becomes of a run whose report cannot be drawn.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../../cli/report/run-report.ts";
import { scalarsOf } from "../../support/events.ts";
import { errorsOf, inProcess, lastJson } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";
import { predictions, results, writeRun } from "../report/run-folder.ts";

const files = temporaryFolder();
const path = (...names: string[]): string => join(files.folder, ...names);
afterAll(() => files.remove());

const DRAWN = ["report.html", "curves.png", "confusion-matrix.png"];

/** Width and height of a PNG file, and whether it holds more than one colour's worth of data. */
function png(file: string): { width: number; height: number; bytes: number } {
  const data = readFileSync(file);
  expect(data.subarray(0, 8)).toEqual(Buffer.of(137, 80, 78, 71, 13, 10, 26, 10));
  return { width: data.readUInt32BE(16), height: data.readUInt32BE(20), bytes: data.length };
}

describe("a training run", () => {
  let args: string[];
  beforeAll(async () => {
    const data = writeCsv(path("my news.csv"), items(0, 100));
    args = ["train", "--data", data, ...QUICK, "--max-steps", "11", "--output", path("run")];
    const { code, stdout } = await inProcess(...args);
    expect(code).toBe(0);
    expect(stdout).toContain(`report       ${DRAWN.join(", ")} in ${path("run")}\n`);
  });

  it("leaves its report, its predictions and its log", () => {
    for (const name of DRAWN) expect(existsSync(path("run", name)), name).toBe(true);
    const { width, height, bytes } = png(path("run", "curves.png"));
    expect([width, height].every((n) => n > 800)).toBe(true);
    expect(bytes).toBeGreaterThan(20_000);
    expect(png(path("run", "confusion-matrix.png")).bytes).toBeGreaterThan(5000);
    const saved = JSON.parse(readFileSync(path("run", "results.json"), "utf8")) as {
      log: Record<string, number>[];
      test: { accuracy: number };
    };
    const lines = readFileSync(path("run", "log.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(saved.log);
    const steps = saved.log.flatMap(({ step, loss }) => (loss === undefined ? [] : [step]));
    expect(scalarsOf(path("run"))["train/loss"]!.map(([step]) => step)).toEqual(steps);
    const predicted = readFileSync(path("run", "predictions.jsonl"), "utf8").trimEnd().split("\n");
    const rows = predicted.map((line) => JSON.parse(line) as ReturnType<typeof predictions>[0]);
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 15 }, (_, i) => i));
    const right = rows.filter(({ label, predicted }) => label === predicted).length;
    expect(right / 15).toBeCloseTo(saved.test.accuracy, 12);
    for (const { tokens, probabilities } of rows) {
      expect(tokens).toBeLessThanOrEqual(32);
      const sum = Object.values(probabilities).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 6);
    }
  });

  it("is reported again from its folder alone, with the command that made it", async () => {
    const before = readFileSync(path("run", "report.html"), "utf8");
    for (const name of DRAWN) rmSync(path("run", name));
    const { code, stdout, stderr } = await inProcess("report", path("run"));
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(readFileSync(path("run", "report.html"), "utf8")).toBe(before);
    expect(existsSync(path("run", "curves.png"))).toBe(true);
    expect(stdout).toContain(`--data '${path("my news.csv")}' --config tiny`);
    for (const text of ["weighted avg", "confusion matrix", "ROC AUC", "calibration error"]) {
      expect(stdout).toContain(text);
    }
    expect(stdout).not.toMatch(/[▁▂▃▄▅▆▇█]/); // no curves where there is no terminal
  });

  it("whose report cannot be drawn is finished all the same, and says how to try again", async () => {
    rmSync(path("run", "report.html"));
    mkdirSync(path("run", "report.html"));
    rmSync(path("run", "results.json"));
    const again = await inProcess(...args, "--resume", "--json");
    expect(again.code).toBe(0);
    expect(lastJson(again.stdout)).toMatchObject({ steps: 11 });
    expect(existsSync(path("run", "results.json"))).toBe(true);
    expect(again.stderr).toMatch(
      /report {7}could not be drawn \(.*\)\. The model and its results are whole; `albert-gpu report .*run` tries again\.\n/,
    );
    const failed = await inProcess("report", path("run"));
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("weighted avg");
    expect(errorsOf(failed)).toMatch(
      /^error: .*run: must be written whole; .* then run `albert-gpu report /,
    );
    rmSync(path("run", "report.html"), { recursive: true });
    expect((await inProcess("report", path("run"))).code).toBe(0);
  });
});

describe("report --json", () => {
  it("names the folder it stands in, though the run was made in another one", async () => {
    const folder = path("moved run");
    mkdirSync(folder);
    writeRun(folder, results(), predictions(40, ["fake", "real"]));
    const { stdout } = await inProcess("report", folder);
    expect(stdout).toContain(`run          ${folder}, finished 2026-`);
    const page = readFileSync(join(folder, "report.html"), "utf8");
    expect(page).toContain("moved run</h1>");
    expect(page).toMatch(/albert-gpu report .*moved run/);
  });

  it.each([
    ["predictions.jsonl must have a line for each of the set's 41 rows; got 40.", 41, ""],
    ["results.json: must hold the results of a run as JSON; it is damaged.", 40, "{"],
    ["results.json: must be of a training run; it is a baseline's.", 40, '{"C": 1}'],
  ])("refuses what is no run's: %s", async (problem, rows, text) => {
    const folder = mkdtempSync(path("no run "));
    writeRun(folder, results(), predictions(40, ["fake", "real"]), rows);
    if (text !== "") writeFileSync(join(folder, "results.json"), text);
    const { code, stderr } = await inProcess("report", folder);
    expect(code).toBe(1);
    expect(stderr.replace(".jsonl: ", ".jsonl ")).toContain(problem);
    expect(existsSync(join(folder, "report.html"))).toBe(false);
  });

  it("prints the data as its only line", async () => {
    const folder = path("made");
    mkdirSync(folder);
    writeRun(folder, results(), predictions(200, ["fake", "real"]));
    const { code, stdout } = await inProcess("report", folder, "--json");
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const report = lastJson(stdout) as RunReport;
    expect(report).toMatchObject({ set: "test", run: { steps: 40 }, predictions: { count: 200 } });
    const { confusion, mistakes } = report.predictions;
    expect(mistakes.count).toBe(confusion[0]![1]! + confusion[1]![0]!);
  });
});

describe("report", () => {
  it.each([
    [
      "a folder that is not there",
      {},
      /nowhere.results\.json: must be there, .* goes on with --resume\./,
    ],
    ["another folder", { "a.txt": "" }, /results\.json: must be there/],
    [
      "results of something else",
      { "results.json": "{}" },
      /results\.json: must hold .*; it lacks labels, /,
    ],
    ["a results.json that is cut off", { "results.json": '{"labels":' }, /must hold the results/],
    [
      "a run without predictions",
      { "results.json": JSON.stringify(results()) },
      /predictions\.jsonl: must be there, as a finished run/,
    ],
    [
      "predictions of other classes",
      {
        "results.json": JSON.stringify(
          results({ labels: ["a", "b"], sizes: { train: 2, validation: 1, test: 1 } }),
        ),
        "predictions.jsonl": JSON.stringify(predictions(1, ["fake", "real"])[0]),
      },
      /predictions must be of the classes a, b; got "fake"/,
    ],
  ])("refuses %s, and writes nothing", async (name, contents, message) => {
    const folder = Object.keys(contents).length === 0 ? path("nowhere") : path(name);
    if (Object.keys(contents).length > 0) mkdirSync(folder);
    for (const [file, text] of Object.entries(contents)) writeFileSync(join(folder, file), text);
    const ended = await inProcess("report", folder);
    expect(ended.code).toBe(1);
    expect(errorsOf(ended)).toMatch(message);
    expect(existsSync(join(folder, "report.html"))).toBe(false);
  });
});
