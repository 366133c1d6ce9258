import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { inProcess } from "../command.ts";
import { temporaryFolder } from "../news.ts";

const files = temporaryFolder();
afterAll(() => files.remove());

/** A run's folder whose predictions are these; labels and predictions are letters. */
function runOf(name: string, labels: string, predicted: string, results?: object): string {
  const folder = join(files.folder, name);
  mkdirSync(folder);
  const classes = [...new Set("ab" + labels + predicted)].sort();
  const lines = Array.from(labels, (label, row) => {
    const probabilities = Object.fromEntries(
      classes.map((one) => [one, one === predicted[row] ? 1 : 0]),
    );
    return JSON.stringify({ row, label, predicted: predicted[row], probabilities, tokens: 5 });
  });
  writeFileSync(join(folder, "predictions.jsonl"), lines.map((line) => `${line}\n`).join(""));
  if (results) writeFileSync(join(folder, "results.json"), JSON.stringify(results));
  return folder;
}

const LABELS = "aabbabab".repeat(10);
const right = runOf("right", LABELS, LABELS, { parameters: 12_345, test: {} });
const poor = runOf("poor", LABELS, "aabbabba".repeat(10));
const constant = runOf("constant", LABELS, "a".repeat(80));

describe("compare", () => {
  it("tables runs and all pairs of them", async () => {
    const { code, stdout } = await inProcess("compare", right, poor, constant);
    expect(code).toBe(0);
    const lines = stdout.split("\n").map((line) => line.trim().replaceAll(files.folder, "").split(/ {2,}/)); // prettier-ignore
    expect(lines).toContainEqual(["/right", "12,345", ...Array<string>(5).fill("1.0000")]);
    expect(lines).toContainEqual(["/poor", "0.7500", "0.7500", "0.7500", "0.7500", "0.7500"]);
    // Of 20 that one alone has right, 20 are the first's: p = 2 / 2^20.
    const pairs = lines.filter(([first]) => first?.startsWith("/") && !/\d/.test(first)).slice(3);
    expect(pairs.map(([first, less]) => `${first}${less}`)).toEqual(["/right/poor", "/right/constant", "/poor/constant"]); // prettier-ignore
    expect(pairs[0]!.slice(2, 3)).toEqual(["+0.2500"]);
    expect(pairs[0]!.slice(4)).toEqual(["20", "0", "<0.0001"]);
  });

  const other = LABELS.replace("a", "b");
  const fingerprints = (test: string) => ({ test: {}, data: { fingerprints: { test } } });
  it.each([
    ["fewer than two runs", () => [right], 2, "two runs at least are needed; got 1."],
    ["another number of rows", () => [right, runOf("short", "ab", "ab")], 1, "80 rows in"],
    ["other labels", () => [right, runOf("other", other, other)], 1, "got a for row 0 in"],
    [
      "other classes",
      () => [right, runOf("three", LABELS, `c${LABELS.slice(1)}`)],
      1,
      "a, b, c in",
    ],
    [
      "many other classes, ten of them named",
      () => [right, runOf("letters", LABELS, `cdefghijklmno${LABELS.slice(13)}`)],
      1,
      "a, b, c, d, e, f, g, h, i, j and 5 more in",
    ],
    [
      "other texts",
      () => [
        runOf("x", LABELS, LABELS, fingerprints("0123456789")),
        runOf("y", LABELS, LABELS, fingerprints("9876543210")),
      ],
      1,
      "texts with the hash 01234567 in",
    ],
    [
      "a folder that is no run",
      () => [right, files.folder],
      1,
      "must be there, as a finished run leaves it",
    ],
    ["no predictions", () => [right, runOf("empty", "", "")], 1, "must have predictions"],
  ])("refuses %s", async (_, folders, code, message) => {
    const ended = await inProcess("compare", ...folders());
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    expect(ended.stderr).toContain(message);
  });
});
