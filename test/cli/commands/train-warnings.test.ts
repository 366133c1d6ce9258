// What `train` says about its data before it spends time on it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { run } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
afterAll(() => files.remove());

it("warns of copies across the sets and of a word that tells the class, in the output and in results.json", async () => {
  const mark = (from: number, to: number) =>
    items(from, to).map((item) =>
      item.label === "real" ? { ...item, text: `(Wire) ${item.text}` } : item,
    );
  const train = writeCsv(path("train.csv"), mark(0, 120));
  const validation = writeCsv(path("validation.csv"), mark(117, 140));
  const args = ["--train", train, "--validation", validation, ...QUICK, "--max-steps", "1"];
  const { code, stdout } = await run(["train", ...args, "--output", path("out")]);
  expect(code).toBe(0);
  const results = JSON.parse(readFileSync(path("out/results.json"), "utf8")) as {
    warnings: string[];
  };
  expect(results.warnings).toEqual([
    "3 of the validation rows (13.0 %) stand in train too",
    expect.stringMatching(
      /^text has "\(Wire\)": this alone classifies 100\.0 % of the rows \(real where it holds, in \d+ rows; else fake\)$/,
    ),
  ]);
  for (const warning of results.warnings) expect(stdout).toContain(`warning      ${warning}\n`);
  expect(stdout.indexOf("warning ")).toBeLessThan(stdout.indexOf("training "));
});
