import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditReport } from "../../../train/audit/index.ts";
import { inProcess, lastJson } from "../command.ts";
import { items, SPIECE, temporaryFolder, writeCsv } from "../news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const csv = (
  name: string,
  from: number,
  to: number,
  edit = (text: string, _label: string) => text,
) =>
  writeCsv(
    path(name),
    items(from, to).map((item) => ({ ...item, text: edit(item.text, item.label) })),
  );
afterAll(() => files.remove());

describe("audit", () => {
  it("prints sizes, lengths, copies and shortcuts, and has no warning for the sample", async () => {
    const data = csv("sample.csv", 0, 1500);
    const { code, stdout, stderr } = await inProcess("audit", data, "--tokenizer", SPIECE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("text         title + text\n");
    expect(stdout).toContain("data         1,500 rows (fake 750, real 750)\n");
    expect(stdout).toMatch(/^ data, words +64 +73 +80 +64 +0$/m);
    expect(stdout).toContain("data: 0.0 % of the texts are cut at 512 tokens");
    expect(stdout).toMatch(/^an earlier data row +0 +0 +0$/m);
    expect(stdout).toContain("(always the same: 50.0 %)");
    expect(stdout).toMatch(/\nno warnings\n$/);
  });

  it("refuses sets whose texts are made of other columns, and names a set's own column", async () => {
    const rows = items(0, 60);
    const train = writeCsv(path("both.csv"), rows);
    const test = writeCsv(
      path("one.csv"),
      rows.map(({ text, label }) => ({ text, label })),
    );
    const refused = await inProcess("audit", "--train", train, "--test", test);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `error: ${test}: its text columns must be those of ${train}, title + text; got text. Name them`,
    );
    const other = writeCsv(
      path("other.csv"),
      rows.map(({ text, label }) => ({ content: text, label })),
    );
    const { stdout } = await inProcess("audit", "--train", test, "--test", other);
    expect(stdout).toContain("text         text (test: content)\n");
  });

  describe("of three sets with planted faults", () => {
    let args: string[];
    beforeAll(() => {
      const mark = (text: string, label: string) =>
        label === "real" ? `CITY (Wire) - ${text}` : text;
      const train = csv("train.csv", 0, 300, mark);
      const validation = csv("val.csv", 300, 400, mark);
      const test = csv("test.csv", 390, 500, mark);
      args = ["audit", "--train", train, "--validation", validation, "--test", test];
    });

    it("warns of both, for a person", async () => {
      const { code, stdout } = await inProcess(...args);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^! 100\.0 % {2}text has "\(Wire\)" -> real \(fake 0, real \d+; \d+ like it\)$/m,
      );
      expect(stdout).toMatch(/^ +train 1?\d, real: "CITY \(Wire\) - /m);
      expect(stdout).toContain(
        "warning      10 of the test rows (9.1 %) stand in validation too\n",
      );
      expect(stdout).toMatch(/^ *test: a validation row +10 +10 +10$/m);
      expect(stdout).toContain("exactly  validation 91 and test 1: ");
    });

    it("gives the whole report as one line with --json, and nothing else on stdout", async () => {
      const { stdout, stderr } = await inProcess(...args, "--json");
      expect(stderr).toBe("");
      expect(stdout.trimEnd().split("\n")).toHaveLength(1);
      const report = lastJson(stdout) as AuditReport;
      expect(report.sets.map(({ name, rows }) => [name, rows])).toEqual([
        ["train", 300],
        ["validation", 100],
        ["test", 110],
      ]);
      expect(report.duplicates.across).toContainEqual({
        set: "test",
        of: "validation",
        rows: { exact: 10, folded: 10, near: 10 },
        share: 10 / 110,
      });
      expect(report.shortcuts[0]).toMatchObject({ accuracy: 1, present: "real" });
      expect(report.warnings).not.toEqual([]);
    });
  });

  it("takes other columns, classes and file formats by flags", async () => {
    const tsv = path("news.tsv");
    const line = (i: number): string => `${i}\t${1 + (i % 4)}\tSays "word${i} ${i}\n`;
    writeFileSync(tsv, Array.from({ length: 40 }, (_, i) => line(i)).join(""));
    const names = "1=World,2=Sports,3=Business,4=Sci";
    const format = ["--no-quotes", "--columns", "id,class_index,statement"];
    const label = ["--label-column", "class_index", "--label-names", names];
    const { stdout } = await inProcess("audit", tsv, ...format, ...label);
    expect(stdout).toContain("text         statement\n");
    expect(stdout).toContain("data         40 rows (World 10, Sports 10, Business 10, Sci 10)\n");
    const jsonl = path("news.jsonl");
    writeFileSync(
      jsonl,
      items(0, 40)
        .map((item) => JSON.stringify(item))
        .join("\n"),
    );
    expect((await inProcess("audit", jsonl)).stdout).toContain("data         40 rows (fake ");
  });

  it("shows ten classes of many, the largest", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      text: `the word${i % 20} of row ${i}`,
      label: `c${i < 20 ? i % 20 : i % 2}`,
    }));
    const { stdout } = await inProcess("audit", writeCsv(path("twenty.csv"), rows));
    const ten = "c0 11, c1 11, c10 1, c11 1, c12 1, c13 1, c14 1, c15 1, c16 1, c17 1";
    expect(stdout).toContain(`data         40 rows (${ten} and 10 more)\n`);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThan(200);
  });

  it("names a file that is not there, and one without records", async () => {
    const missing = await inProcess("audit", path("none.csv"));
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toContain("none.csv: no such file.");
    writeFileSync(path("header.csv"), "text,label\n");
    expect((await inProcess("audit", path("header.csv"))).stderr).toContain("got a header only");
  });
});
