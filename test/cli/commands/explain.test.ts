// A model that learnt one word is asked what it goes by.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, openPage } from "../../support/browser.ts";
import { errorsOf, inProcess, jsonLines, lastJson, run } from "../command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

interface Part {
  attribution: number;
}
interface Line {
  label: string;
  explained: string;
  words: (Part & { word: string; start: number; end: number })[];
  tokens: (Part & { piece: string })[];
  logitDifference: number;
  baseline: number;
  sum: number;
  error: number;
  complete: boolean;
  truncated: boolean;
}
interface SetResults {
  texts: number;
  of: number;
  incomplete: number;
  classes: Record<string, { word: string; texts: number; count: number; total: number }[]>;
}

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const model = ["--model", path("model")];
/** Titles whose class is told by one word, and by nothing else. */
const planted = items(0, 320).map(({ title }, i) => ({
  title: i % 2 === 0 ? title : `${title.split(" ")[0]} (Reuters) ${title}`,
  label: i % 2 === 0 ? "fake" : "real",
}));
const [without, withWord] = planted.slice(-2).map(({ title }) => title) as [string, string];

beforeAll(async () => {
  const data = writeCsv(path("planted.csv"), planted);
  const training = ["--epochs", "6", "--learning-rate", "4e-3", "--output", path("model")];
  const ended = await inProcess("train", "--data", data, ...QUICK, ...training);
  expect(ended.code, ended.stderr).toBe(0);
  writeFileSync(path("texts.txt"), `${withWord}\n${without}\n`);
});
afterAll(() => files.remove());

const sum = (parts: readonly Part[]): number =>
  parts.reduce((total, { attribution }) => total + attribution, 0);

describe("explain", () => {
  it("shows each text with its strongest words first", async () => {
    const ended = await run(["explain", ...model], `${withWord}\n${without}\n`);
    expect(errorsOf(ended)).toContain("adapter");
    const [legend, , verdict, words, first] = ended.stdout.split("\n");
    expect(legend).toMatch(/^words push to real \(█\) or to fake \(░\)/);
    expect(verdict).toMatch(/^real 0\.\d{3}: log-odds \+[\d.]+, of which [-+][\d.]+ without words/);
    expect(words).toBe(withWord.replaceAll(/\s+/g, " "));
    expect(first).toMatch(/^ +\+\d+\.\d\d █{24} \(Reuters\)$/);
    expect(ended.stdout).toContain("\nfake 0.");
    expect(ended.code).toBe(0);
  });

  it("gives JSON lines whose parts add up to the difference of the scores within 1 %", async () => {
    const { stdout } = await inProcess("explain", ...model, path("texts.txt"), "--json");
    const lines = jsonLines(stdout) as Line[];
    expect(lines.map(({ label }) => label)).toEqual(["real", "fake"]);
    for (const { words, tokens, logitDifference, baseline, ...line } of lines) {
      const difference = logitDifference - baseline;
      expect(line.complete).toBe(true);
      expect(line.error).toBeLessThanOrEqual(Math.max(0.01 * Math.abs(difference), 1e-3));
      expect(sum(tokens)).toBeCloseTo(line.sum, 8);
      expect(sum(words)).toBeCloseTo(line.sum, 8);
      expect(line.truncated).toBe(false);
    }
    const top = lines[0]!.words.toSorted((a, b) => b.attribution - a.attribution)[0]!;
    expect(top.word).toBe("(Reuters)");
    expect(withWord.slice(top.start, top.end)).toBe("(Reuters)");
  });

  it("explains another class, a CSV file's columns and texts that are cut", async () => {
    const file = writeCsv(path("few.csv"), planted.slice(0, 4));
    const csv = [file, "--text-columns", "title", "--class", "fake"];
    const options = ["--max-length", "6", "--json"];
    const { stdout } = await inProcess("explain", ...model, ...csv, ...options);
    const lines = jsonLines(stdout) as Line[];
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map(({ explained }) => explained))).toEqual(new Set(["fake"]));
    expect(lines.every(({ truncated, tokens }) => truncated && tokens.length === 6)).toBe(true);
  });

  it("finds the planted word over a set, in a random sample that the seed decides", async () => {
    const set = ["--data", path("planted.csv"), "--text-columns", "title", "--limit", "20"];
    const found = await inProcess("explain", ...model, ...set, "--json");
    const results = lastJson(found.stdout) as SetResults;
    expect([results.texts, results.of, results.incomplete]).toEqual([20, 320, 0]);
    const [first, second] = results.classes["real"]!;
    expect(first!.word).toBe("(Reuters)");
    expect(first!.total).toBeGreaterThan(3 * second!.total);
    expect(first!.texts).toBe(first!.count);
    expect(found.stderr).toMatch(/\n\(Reuters\) +\+[\d.]+ .*█{24}/);
    const again = await inProcess("explain", ...model, ...set, "--json");
    expect(again.stdout).toBe(found.stdout);
    const other = await inProcess("explain", ...model, ...set, "--json", "--seed", "1");
    expect(other.stdout).not.toBe(found.stdout);
  });

  it.skipIf(CHROMIUM === undefined)(
    "writes a page that needs nothing else (needs Chromium)",
    async () => {
      const evil = `<img src=x onerror=alert(1)> & "${withWord}" </style>`;
      writeFileSync(path("evil.txt"), `${evil}\n`);
      const html = path("page.html");
      const whole = ["--max-length", "64"]; // twice what the model was trained with: nothing is cut
      const ended = await inProcess(
        "explain",
        ...model,
        ...whole,
        path("evil.txt"),
        "--html",
        html,
      );
      expect(ended.stderr).toContain(`wrote        ${html}`);
      for (const colorScheme of ["light", "dark"] as const) {
        const { page, problems, requests } = await openPage(html, { colorScheme });
        expect(await page.locator("article > p").nth(1).innerText()).toContain(
          "<img src=x onerror",
        );
        await page.locator("summary").click();
        expect(await page.locator("td").nth(0).innerText()).toBe("(Reuters)");
        const colour = await page.evaluate<string>(
          'getComputedStyle(document.querySelector("mark.t3")).backgroundColor',
        );
        expect(colour).toMatch(/^rgba\(37, 99, 235/);
        expect([problems, requests.length]).toEqual([[], 1]);
      }
    },
  );

  it("writes the lists of a set as a page", async () => {
    const html = path("set.html");
    const set = ["--data", path("planted.csv"), "--text-columns", "title", "--limit", "12"];
    await inProcess("explain", ...model, ...set, "--html", html);
    expect(readFileSync(html, "utf8")).toMatch(/pushes to real<\/h2>\s<table>.*?<td>\(Reuters\)</s);
  });

  it.each([
    [["--data", path("texts.txt"), path("texts.txt")], 2, "give either a file of texts"],
    [[path("texts.txt"), "--limit", "3"], 2, "--limit must go with --data FILE; got none."],
    [[path("texts.txt"), "--class", "true"], 2, '--class must be one of fake, real; got "true".'],
    [[path("texts.txt"), "--max-length", "9999"], 2, "--max-length must be at most"],
    [[path("none.txt")], 1, "no such file."],
    [[path("texts.txt"), "--html", files.folder], 1, "must be a file to write; it is a folder."],
    [[path("texts.txt"), "--html", path("none/page.html")], 1, "must be in a folder that can be"],
  ])("refuses %j", async (args, code, message) => {
    const ended = await inProcess("explain", ...model, ...args);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    expect(ended.stderr).toContain(message);
    expect(existsSync(path("none"))).toBe(false);
  });
});
