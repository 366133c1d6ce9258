import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorsOf, inProcess, jsonLines, run, start } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

interface Verdict {
  label: string;
  score: number;
  probabilities: Record<string, number>;
}

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const news = items(0, 40);
const titles = news.map(({ title }) => title.replaceAll("\n", " "));
const model = ["--model", path("model"), "--max-length", "32"];
let want: Verdict[];

beforeAll(async () => {
  mkdirSync(files.folder, { recursive: true });
  const data = writeCsv(path("news.csv"), news);
  const args = ["--data", data, ...QUICK, "--max-steps", "5", "--output", path("model")];
  expect((await inProcess("train", ...args)).code).toBe(0);
  writeFileSync(path("titles.txt"), `${titles.join("\n")}\n`);
  const ended = await inProcess("predict", ...model, path("titles.txt"));
  expect(ended.code).toBe(0);
  want = jsonLines(ended.stdout) as Verdict[];
});
afterAll(() => files.remove());

/** The same but for the last digits: another batch adds in another order. */
function expectSame(got: unknown[], wanted: readonly Verdict[]): void {
  expect(got).toHaveLength(wanted.length);
  (got as Verdict[]).forEach(({ label, probabilities }, i) => {
    expect(label).toBe(wanted[i]!.label);
    expect(probabilities["fake"]).toBeCloseTo(wanted[i]!.probabilities["fake"]!, 5);
  });
}

describe("predict", () => {
  it("writes label, score and probabilities of each line", () => {
    expect(want).toHaveLength(40);
    for (const { label, score, probabilities } of want) {
      expect(Object.keys(probabilities)).toEqual(["fake", "real"]);
      expect(probabilities["fake"]! + probabilities["real"]!).toBeCloseTo(1, 6);
      expect(score).toBe(Math.max(...Object.values(probabilities)));
      expect(probabilities[label]).toBe(score);
    }
    expect(new Set(want.map(({ score }) => score)).size).toBeGreaterThan(30);
  });

  it("takes lines from standard input, and writes nothing else to stdout", async () => {
    const ended = await run(["predict", ...model], `${titles.join("\r\n")}\r\n`);
    expect(ended.code).toBe(0);
    expectSame(jsonLines(ended.stdout), want);
    expect(ended.stderr).toContain("adapter");
  });

  it("cuts texts where training cut them unless told otherwise", async () => {
    const input = path("long.txt");
    writeFileSync(input, `${"The senate met and voted on the budget again. ".repeat(9)}\n`);
    const tokens = async (...args: string[]): Promise<unknown> => {
      const ended = await inProcess("predict", "--model", path("model"), input, ...args);
      return (jsonLines(ended.stdout) as { tokens: number; truncated: boolean }[])[0];
    };
    expect(await tokens()).toMatchObject({ tokens: 32, truncated: true });
    expect(await tokens("--max-length", "64")).toMatchObject({ tokens: 64, truncated: true });
    expect(await tokens("--max-length", "512")).toMatchObject({ truncated: false });
  });

  it("keeps the order whatever the batch size is", async () => {
    for (const size of ["1", "7", "64"]) {
      const ended = await inProcess("predict", ...model, path("titles.txt"), "--batch-size", size);
      expectSame(jsonLines(ended.stdout), want);
    }
  });

  it("takes JSON lines and CSV, also from standard input when text columns are named", async () => {
    const lines = titles.map((text, id) => JSON.stringify({ id, text }));
    writeFileSync(path("titles.jsonl"), lines.join("\n"));
    const columns = ["--text-columns", "title"];
    const csv = writeCsv(path("articles.csv"), news);
    expectSame(
      jsonLines((await inProcess("predict", ...model, path("titles.jsonl"))).stdout),
      want,
    );
    expectSame(jsonLines((await inProcess("predict", ...model, ...columns, csv)).stdout), want);
    const rows = news.map(({ title, label }) => ({ label, title }));
    const piped = [
      "title\tlabel",
      ...rows.map(({ title, label }) => `"${title.replaceAll('"', '""')}"\t${label}`),
    ];
    const ended = await run(
      ["predict", ...model, ...columns, "--delimiter", "tab"],
      piped.join("\n"),
    );
    expectSame(jsonLines(ended.stdout), want);
  });

  it("reads a .tsv file with tabs", async () => {
    writeFileSync(path("articles.tsv"), `text\tlabel\n${titles[3]!.replaceAll('"', "")}\tfake\n`);
    const ended = await inProcess("predict", ...model, path("articles.tsv"));
    expect(jsonLines(ended.stdout)).toHaveLength(1);
  });

  it("answers an empty line too, and says nothing to an empty input", async () => {
    writeFileSync(path("gaps.txt"), `${titles[0]}\n\n${titles[1]}\n`);
    const ended = await inProcess("predict", ...model, path("gaps.txt"));
    const [first, empty, third] = jsonLines(ended.stdout) as Verdict[];
    expectSame([first, third], want.slice(0, 2));
    expect(["fake", "real"]).toContain(empty!.label);
    writeFileSync(path("empty.txt"), "");
    expect(await inProcess("predict", ...model, path("empty.txt"))).toMatchObject({
      code: 0,
      stdout: "",
    });
  });

  it("says so and ends when a file is missing, a folder, or not text", async () => {
    const cases = [
      [path("none.txt"), "no such file"],
      [files.folder, "it is a folder"],
      [path("binary.txt"), "must be UTF-8"],
    ] as const;
    writeFileSync(path("binary.txt"), Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x0a]));
    for (const [input, message] of cases) {
      const ended = await inProcess("predict", ...model, input);
      expect(ended.code).toBe(1);
      expect(errorsOf(ended).split("\n").at(-1)).toMatch(
        new RegExp(`^error: ${input}.*: .*${message}`),
      );
    }
  });

  it("ends quietly when its reader has seen enough", async () => {
    const many = Array.from({ length: 3000 }, (_, i) => titles[i % titles.length]).join("\n");
    const child = start(["predict", ...model], many);
    await child.saying('"label"');
    child.process.stdout.destroy();
    const ended = await child.ended;
    expect(errorsOf(ended)).not.toMatch(/error|EPIPE|^\s+at /m);
    expect(ended.code).toBe(0);
  });
});
