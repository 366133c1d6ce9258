// Files as data sets come: tab-separated without a header and with stray quotes, or JSON lines.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { errorsOf, inProcess, jsonLines } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
// Six classes and a quote that nobody closes, as in LIAR's raw files.
const rows = items(0, 60).map(({ title }, i) => [
  `${i}.json`,
  `grade-${i % 6}`,
  i % 7 === 0 ? `"${title}` : title,
]);
const raw = ["--columns", "id,label,statement", "--no-quotes"];

beforeAll(() => {
  mkdirSync(files.folder, { recursive: true });
  writeFileSync(path("raw.tsv"), rows.map((row) => `${row.join("\t")}\n`).join(""));
  const objects = rows.map(([id, label, statement]) => JSON.stringify({ id, label, statement }));
  writeFileSync(path("rows.jsonl"), `${objects.join("\n")}\n`);
});
afterAll(() => files.remove());

it("train, evaluate and predict read a raw TSV file whole, and its JSON lines give the same", async () => {
  const to = ["--max-steps", "1", "--output", path("model"), "--json"];
  const trained = await inProcess("train", "--data", path("raw.tsv"), ...raw, ...QUICK, ...to);
  expect(trained.code, trained.stderr).toBe(0);
  const { labels, sizes } = JSON.parse(trained.stdout) as {
    labels: string[];
    sizes: Record<string, number>;
  };
  expect(labels).toEqual([0, 1, 2, 3, 4, 5].map((i) => `grade-${i}`));
  expect(Object.values(sizes).reduce((a, b) => a + b)).toBe(60);

  const model = ["--model", path("model"), "--max-length", "32"];
  const scored = await inProcess("evaluate", ...model, "--data", path("raw.tsv"), ...raw, "--json");
  const fromJson = await inProcess("evaluate", ...model, "--data", path("rows.jsonl"), "--json");
  const loss = ({ stdout }: { stdout: string }) =>
    JSON.parse(stdout) as { loss: number; examples: number };
  expect(loss(scored).examples).toBe(60);
  expect(loss(fromJson).loss).toBeCloseTo(loss(scored).loss, 6);

  const verdicts = await inProcess("predict", ...model, path("raw.tsv"), ...raw);
  expect(jsonLines(verdicts.stdout)).toHaveLength(60);
});

it("evaluate, predict and explain read the columns the model was trained on, where a file has them", async () => {
  const news = items(0, 60);
  const both = writeCsv(path("both.csv"), news);
  const bodies = writeCsv(
    path("bodies.csv"),
    news.map(({ text, label }) => ({ text, label })),
  );
  const to = ["--text-columns", "text", "--max-steps", "1", "--output", path("of-text")];
  expect((await inProcess("train", "--data", both, ...QUICK, ...to)).code).toBe(0);
  const model = ["--model", path("of-text")];

  const scored = await inProcess("evaluate", ...model, "--data", both);
  expect(scored.stdout).toContain("\ntext         text\n");
  const titles = await inProcess("evaluate", ...model, "--data", both, "--text-columns", "title");
  expect(titles.stdout).toContain("\ntext         title\n");
  const from = async (...args: string[]) => (await inProcess(...args)).stdout;
  expect(await from("predict", ...model, both)).toBe(await from("predict", ...model, bodies));
  const limit = ["--limit", "2", "--json"];
  expect(await from("explain", ...model, "--data", both, ...limit)).toBe(
    await from("explain", ...model, "--data", bodies, ...limit),
  );
});

it("without --no-quotes the open quote is refused by record, and nothing is written", async () => {
  const columns = ["--columns", "id,label,statement"];
  const ended = await inProcess(
    "train",
    "--data",
    path("raw.tsv"),
    ...columns,
    ...QUICK,
    "--output",
    path("none"),
  );
  expect(ended.code).toBe(1);
  expect(errorsOf(ended)).toMatch(/quote/);
  expect(() => readFileSync(path("none/results.json"))).toThrow();
});
