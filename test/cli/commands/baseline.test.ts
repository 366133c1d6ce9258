// A finished run, the baseline on its data, and both compared, as a user goes about it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classificationMetrics, readPredictions } from "../../../train/index.ts";
import { inProcess, lastJson } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

interface Difference {
  first: string;
  second: string;
  f1: number;
  low: number;
  high: number;
  mcnemarP: number;
  onlyFirstRight: number;
  onlySecondRight: number;
}
interface Results {
  C: number;
  features: number;
  parameters: number;
  validation: { f1: number };
  test: { f1: number; accuracy: number } | null;
  strongest: Record<string, [string, number][]>;
  difference: Difference | null;
  data: { seed: number; fingerprints: Record<string, string> };
}

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const results = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Results;
const run = path("run");
let told: Awaited<ReturnType<typeof inProcess>>;

beforeAll(async () => {
  const data = writeCsv(path("news.csv"), items(0, 200));
  const args = ["--data", data, ...QUICK, "--max-steps", "4", "--seed", "7", "--output", run];
  const trained = await inProcess("train", ...args);
  expect(trained.code, trained.stderr).toBe(0);
  told = await inProcess("baseline", "--run", run);
});
afterAll(() => files.remove());

describe("baseline --run", () => {
  it("takes the run's very split, and shows scores, words and both rows", () => {
    expect(told.code, told.stderr).toBe(0);
    expect(told.stdout).toContain("train        140 rows (fake ");
    expect(told.stdout).toMatch(/\nC 10 +validation f1 0\.\d{4} after \d+ iterations\n/);
    expect(told.stdout).toMatch(/\nspeaks for real: [^,]+ \d+\.\d, /);
    const rows = told.stdout
      .split("\n")
      .filter((line) => /^ *(\S*run|baseline) +[\d,]+ +[01]\./.test(line));
    expect(rows).toHaveLength(2);
    expect(results(join(run, "baseline")).data).toEqual(results(run).data);
    expect(results(run).data.seed).toBe(7);
  });

  it("says plainly that a hardly trained model does not beat it", () => {
    const { difference } = results(join(run, "baseline"));
    expect(difference!.f1).toBeLessThan(0);
    const verdict =
      /\n\S*run is (worse|not better) than the baseline: F1 difference -0\.\d{4}, 95 % interval \[/;
    expect(told.stdout).toMatch(verdict);
  });

  it("leaves predictions and results that agree, and that compare reads", async () => {
    const folder = join(run, "baseline");
    const predictions = await readPredictions(join(folder, "predictions.jsonl"));
    expect(predictions).toHaveLength(30);
    const id = (name: string) => ["fake", "real"].indexOf(name);
    const labels = predictions.map(({ label }) => id(label));
    const said = predictions.map(({ predicted }) => id(predicted));
    const saved = results(folder);
    expect(classificationMetrics(labels, said, 2).f1).toBeCloseTo(saved.test!.f1, 12);
    expect(saved.parameters).toBe(saved.features + 1);
    const ended = await inProcess("compare", run, folder, "--json");
    const compared = lastJson(ended.stdout) as { rows: number; runs: { f1: number }[]; differences: Difference[] }; // prettier-ignore
    expect([compared.rows, compared.differences.length]).toEqual([30, 1]);
    expect(compared.runs[1]!.f1).toBeCloseTo(saved.test!.f1, 12);
    const { f1, low, high, mcnemarP, ...only } = compared.differences[0]!;
    expect(f1).toBeCloseTo(compared.runs[0]!.f1 - compared.runs[1]!.f1, 12);
    expect([low <= f1, high >= f1, mcnemarP > 0]).toEqual([true, true, true]);
    expect(only.onlySecondRight - only.onlyFirstRight).toBeGreaterThan(0);
    // The difference that baseline itself told, but for the run's name.
    expect({ ...compared.differences[0], second: "baseline" }).toEqual(saved.difference);
  });

  it("refuses a run whose data have changed, and one that does not say what they were", async () => {
    const data = path("news.csv");
    const kept = readFileSync(data, "utf8");
    writeFileSync(data, kept.replace(/the/, "The"));
    const changed = await inProcess("baseline", "--run", run, "--output", path("changed"));
    writeFileSync(data, kept);
    expect([changed.code, changed.stdout]).toEqual([1, ""]);
    expect(changed.stderr).toMatch(
      /its (train|validation|test) set must be what it was; .*news\.csv changed/,
    );
    expect(existsSync(path("changed"))).toBe(false);
    const none = await inProcess("baseline", "--run", path("none"));
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining("must be there, as a finished run leaves it"),
    ]);
  });
});

describe("baseline of files", () => {
  it("splits as train does, fits the C that is asked for, and gives the same each time", async () => {
    const options = ["--data", path("news.csv"), "--seed", "7", "--c", "10", "--json"];
    const [first, second] = [path("one"), path("two")];
    const ended = await inProcess("baseline", ...options, "--output", first);
    await inProcess("baseline", ...options, "--output", second);
    const found = lastJson(ended.stdout) as Results;
    expect([found.C, found.difference]).toEqual([10, null]);
    expect(found.data.fingerprints).toEqual(results(run).data.fingerprints);
    const read = (folder: string) => readFileSync(join(folder, "predictions.jsonl"), "utf8");
    expect(read(second)).toBe(read(first));
    expect(results(second).strongest).toEqual(results(first).strongest);
  });

  it("takes sets of their own and six classes, and without a test set scores the validation set", async () => {
    const rows = items(0, 120).map(({ title }, i) => ({
      text: `${title} topic${i % 6}`,
      label: i % 6,
    }));
    const train = writeCsv(path("train.csv"), rows.slice(0, 80));
    const validation = writeCsv(path("validation.csv"), rows.slice(80));
    const sets = ["--train", train, "--validation", validation];
    const ended = await inProcess("baseline", ...sets, "--output", path("six"), "--json");
    const found = lastJson(ended.stdout) as Results;
    expect(found.test).toBeNull();
    expect(found.validation.f1).toBeGreaterThan(0.6);
    for (let k = 0; k < 6; k++) expect(found.strongest[k]![0]![0]).toBe(`topic${k}`);
    expect(found.parameters).toBe(6 * (found.features + 1));
    expect(await readPredictions(join(path("six"), "predictions.jsonl"))).toHaveLength(40);
  });

  it.each([
    [["--run", run, "--data", path("news.csv")], "give either --run DIR"],
    [[], "data is needed: --data FILE"],
    [["--data", path("news.csv"), "--c", "0"], "must be a number above 0"],
  ])("refuses %j as wrong usage", async (args, message) => {
    const ended = await inProcess("baseline", ...args);
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toContain(message);
  });
});
