import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRows } from "../../../train/csv.ts";
import { collect } from "../../support/pieces.ts";
import { inProcess, lastJson } from "../command.ts";
import { temporaryFolder, writeCsv } from "../news.ts";

let files: ReturnType<typeof temporaryFolder>;
let input: string;
let output: string;
beforeEach(() => {
  files = temporaryFolder();
  input = join(files.folder, "news.csv");
  output = join(files.folder, "clean.csv");
});
afterEach(() => files.remove());

const cleaned = async () => (await collect(readRows(output))).map(({ row }) => row);

describe("clean", () => {
  it.each([
    ["--drop-dateline", "WASHINGTON (Reuters) - A vote", "A vote"],
    [
      "--drop-dateline",
      "SEOUL/BEIJING (Reuters) - A vote (Reuters) - too",
      "A vote (Reuters) - too",
    ],
    ["--drop-dateline", "(AP) — A vote", "A vote"],
    ["--drop-dateline", "He said (Reuters) that - no", "He said (Reuters) that - no"],
    ["--drop-dateline", `${"x".repeat(120)} (Reuters) - A`, `${"x".repeat(120)} (Reuters) - A`],
    ["--fold-quotes", "“It’s” «so» ‘x’ 5″", '"It\'s" "so" \'x\' 5″'],
    ["--trim", " \ta b\n", "a b"],
    ["--strip-urls", "see https://t.co/a?b=1, and www.x.io/y now", "see, and now"],
    ["--strip-urls", "(http://z.w/q) end", "() end"],
    ["--strip-urls", `a${" ".repeat(300_000)}b\t http://z.w/q c`, `a${" ".repeat(300_000)}b c`],
    ["--strip-urls", "http://a.b/c?d=e. and “www.x.io/y”", ". and “”"],
    ["--strip-urls", "in https://x.org/wiki/A_(b)_c, too", "in, too"],
    ["--strip-urls", "cut off https://t.co/1… end", "cut off end"],
    ["--strip-urls", "pic.twitter.com/abc end http", " end http"],
  ])("%s turns %j into %j", async (rule, before, after) => {
    writeCsv(input, [
      { text: before, label: "0" },
      { text: "untouched", label: "1" },
    ]);
    const { code, stdout } = await inProcess("clean", input, "--output", output, rule);
    expect(code).toBe(0);
    expect(await cleaned()).toEqual([
      { text: after, label: "0" },
      { text: "untouched", label: "1" },
    ]);
    expect(stdout).toContain(`${rule.padEnd(18)} ${before === after ? 0 : 1} rows changed`);
  });

  it("changes the text columns alone, but trims every cell, and counts rows, not cells", async () => {
    writeCsv(input, [
      { title: "“A” ", text: "“b”", date: "“May” 1 ", label: "0" },
      { title: "c", text: "d", date: "May 2", label: "1" },
    ]);
    const rules = ["--fold-quotes", "--trim", "--json"];
    const { stdout } = await inProcess("clean", input, "--output", output, ...rules);
    expect(await cleaned()).toEqual([
      { title: '"A"', text: '"b"', date: "“May” 1", label: "0" },
      { title: "c", text: "d", date: "May 2", label: "1" },
    ]);
    expect(lastJson(stdout)).toEqual({
      rows: 2,
      written: 2,
      touched: { foldQuotes: 1, trim: 1 },
      output,
    });
  });

  it("leaves out blank texts and copies, judged after the other rules", async () => {
    const texts = ["A b.", "a B", "http://x.io", " ", "...", "…", "c", "(X) - c"];
    writeCsv(
      input,
      texts.map((text, id) => ({ id, text })),
    );
    const rules = ["--drop-empty", "--drop-duplicates", "--strip-urls", "--drop-dateline"];
    const { stdout } = await inProcess("clean", input, "--output", output, ...rules, "--json");
    expect((await cleaned()).map(({ id }) => id)).toEqual(["0", "4", "5", "6", "7"]);
    expect(lastJson(stdout)).toMatchObject({
      rows: 8,
      written: 5,
      touched: { dropEmpty: 2, dropDuplicates: 1, stripUrls: 1, dropDateline: 0 },
    });
  });

  it("writes RFC 4180 whatever it read", async () => {
    const raw = join(files.folder, "raw.tsv");
    writeFileSync(raw, '1\tSays "so, \n2\tb\n');
    const format = ["--no-quotes", "--columns", "id,statement"];
    const { code } = await inProcess("clean", raw, "--output", output, "--trim", ...format);
    expect(code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe('id,statement\r\n1,"Says ""so,"\r\n2,b\r\n');
  });

  it("writes into the file that a symbolic link leads to", async () => {
    writeCsv(input, [{ text: " a" }]);
    mkdirSync(join(files.folder, "elsewhere"));
    const real = join(files.folder, "elsewhere", "real.csv");
    writeFileSync(real, "old");
    symlinkSync(real, output);
    const { code } = await inProcess("clean", input, "--output", output, "--trim", "--force");
    expect(code).toBe(0);
    expect(lstatSync(output).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toBe("text\r\na\r\n");
    expect(readdirSync(join(files.folder, "elsewhere"))).toEqual(["real.csv"]);
  });

  it("replaces a file only when told to, and leaves nothing of a failure", async () => {
    writeCsv(input, [{ text: " a" }]);
    writeFileSync(output, "mine");
    const args = ["clean", input, "--output", output, "--trim"];
    const refused = await inProcess(...args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("clean.csv: must not exist yet");
    expect(readFileSync(output, "utf8")).toBe("mine");
    writeFileSync(input, "text,label\na,0\nb\n");
    expect((await inProcess(...args, "--force")).stderr).toContain("record 2 (line 3)");
    expect(readFileSync(output, "utf8")).toBe("mine");
    expect(readdirSync(files.folder).toSorted()).toEqual(["clean.csv", "news.csv"]);
    const jsonl = join(files.folder, "news.jsonl");
    writeFileSync(jsonl, '{"text":" a"}\n{"text":"b","url":"u"}\n');
    const lossy = await inProcess("clean", jsonl, "--output", output, "--trim", "--force");
    expect(lossy.stderr).toContain("record 2: its keys must be among those of the first record");
    expect(readFileSync(output, "utf8")).toBe("mine");
    const nowhere = join(files.folder, "no", "x.csv");
    const failed = await inProcess("clean", input, "--output", nowhere, "--trim");
    expect(failed.stderr).toContain("x.csv: must be writable");
    expect(existsSync(nowhere)).toBe(false);
  });
});
