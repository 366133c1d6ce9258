import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SplitOptions, splitCommand } from "../../../cli/commands/split.ts";
import Papa from "papaparse";
import { Random } from "../../../engine/random.ts";
import { audit, type AuditSet } from "../../../train/audit/index.ts";
import { readRows } from "../../../train/csv.ts";
import { collect } from "../../support/pieces.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "albert-gpu-split-"));
  file = join(folder, "news.csv");
});
afterEach(() => rmSync(folder, { recursive: true }));

const all = (path: string) => collect(readRows(path));

async function run(options: Partial<SplitOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  await splitCommand({
    file,
    ratios: [70, 15, 15],
    stratify: "label",
    groupDuplicates: false,
    seed: 42,
    force: false,
    print: (line) => lines.push(line),
    ...options,
  });
  return lines;
}

const awkward = ["plain", 'a,"b"', "two\r\nlines", " blanks ", "", "=1+1", "ü😀"];
const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
function writeNews(rows: number): void {
  const lines = Array.from({ length: rows }, (_, i) =>
    [String(i), quote(awkward[i % awkward.length] ?? ""), i % 4 === 0 ? "fake" : "real"].join(","),
  );
  writeFileSync(file, `\uFEFFid,"the, text",label\n${lines.join("\n")}\n`);
}

describe("split", () => {
  it("writes every record once, cells and columns unchanged, in the file's order", async () => {
    writeNews(1000);
    await run();
    const original = await all(file);
    const parts = await Promise.all(
      ["train", "validation", "test"].map((set) => all(join(folder, `news.${set}.csv`))),
    );
    expect(parts.map((part) => part.length)).toEqual([700, 150, 150]);
    for (const part of parts) {
      expect(part[0]?.columns).toEqual(["id", "the, text", "label"]);
      const ids = part.map(({ row }) => Number(row.id));
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    }
    const merged = parts.flat().map(({ row }) => row);
    expect(merged.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual(
      original.map(({ row }) => row),
    );
    expect(readdirSync(folder).toSorted()).toEqual([
      "news.csv",
      "news.test.csv",
      "news.train.csv",
      "news.validation.csv",
    ]);
  });

  it("prints where the rows went, by class", async () => {
    writeNews(1000);
    expect(await run()).toEqual([
      `${join(folder, "news.train.csv")}: 700 rows (fake 175, real 525)`,
      expect.stringMatching(/news\.validation\.csv: 150 rows \(fake 3[78], real 11[23]\)$/),
      expect.stringMatching(/news\.test\.csv: 150 rows \(fake 3[78], real 11[23]\)$/),
    ]);
  });

  it("prints no more than 20 values", async () => {
    writeNews(50);
    const [line = ""] = await run({ stratify: "id" });
    expect(line).toMatch(/ rows \(0 [01], 1 [01], .+, 19 [01], and 30 more values\)$/);
  });

  it("repeats itself with the same seed, and replaces its files only when told to", async () => {
    writeNews(100);
    await run();
    const first = readFileSync(join(folder, "news.test.csv"), "utf8");
    await expect(run()).rejects.toThrow("news.train.csv: must not exist yet");
    await run({ force: true });
    expect(readFileSync(join(folder, "news.test.csv"), "utf8")).toBe(first);
    await run({ force: true, seed: 43 });
    expect(readFileSync(join(folder, "news.test.csv"), "utf8")).not.toBe(first);
  });

  it("works without classes, and writes no file for a ratio of 0", async () => {
    writeNews(50);
    const lines = await run({ stratify: null, ratios: [80, 0, 20] });
    expect(lines).toEqual([
      `${join(folder, "news.train.csv")}: 40 rows`,
      `${join(folder, "news.test.csv")}: 10 rows`,
    ]);
    expect(existsSync(join(folder, "news.validation.csv"))).toBe(false);
  });

  it("leaves no set of an earlier split beside its own, whose rows it would share", async () => {
    writeNews(50);
    await run();
    const ratios = [80, 0, 20] as const;
    await expect(run({ ratios })).rejects.toThrow("news.train.csv: must not exist yet");
    rmSync(join(folder, "news.train.csv"));
    rmSync(join(folder, "news.test.csv"));
    await expect(run({ ratios })).rejects.toThrow("news.validation.csv: must not exist yet");
    const lines = await run({ ratios, force: true });
    expect(lines.at(-1)).toBe(
      `removed ${join(folder, "news.validation.csv")}, of an earlier split`,
    );
    expect(readdirSync(folder).toSorted()).toEqual(["news.csv", "news.test.csv", "news.train.csv"]);
  });

  it("keeps an empty cell of a single column", async () => {
    writeFileSync(file, 'text\n""\na\nb\n""\n');
    await run({ stratify: null, ratios: [1, 0, 0] });
    expect((await all(join(folder, "news.train.csv"))).map(({ row }) => row.text)).toEqual([
      "",
      "a",
      "b",
      "",
    ]);
  });

  it("leaves nothing behind when the input is bad", async () => {
    writeNews(20);
    await expect(run({ stratify: "class" })).rejects.toThrow(
      'the stratify column "class" must exist; got the columns id, the, text, label.',
    );
    writeFileSync(file, "text,label\na,0\nb,\n");
    await expect(run()).rejects.toThrow("got an empty one in record 2");
    writeFileSync(file, "text,label\n");
    await expect(run()).rejects.toThrow("got a header only");
    writeFileSync(file, "text,label\na,0\nb,1,2\n");
    await expect(run()).rejects.toThrow("record 2 (line 3): must have 2 cells");
    await expect(run({ file: join(folder, "none.csv") })).rejects.toThrow("no such file");
    const jsonl = join(folder, "news.jsonl");
    writeFileSync(jsonl, '{"text":"a","label":0}\n{"text":"b","label":1,"url":"u"}\n');
    await expect(run({ file: jsonl })).rejects.toThrow(
      "record 2: its keys must be among those of the first record; got url too.",
    );
    rmSync(jsonl);
    expect(readdirSync(folder)).toEqual(["news.csv"]);
  });

  it("with --group-duplicates leaves no copy or near-duplicate across sets, as the audit proves, and without it does", async () => {
    const rows = storiesWithCopies(240);
    writeFileSync(file, `${Papa.unparse(rows)}\r\n`);
    const across = async (): Promise<number> => {
      const sets = ["train", "validation", "test"].map((name): AuditSet => {
        const path = join(folder, `news.${name}.csv`);
        return { name, file: path, open: () => path };
      });
      const { duplicates } = await audit(sets, { maxLength: 512 });
      return duplicates.across.reduce((sum, { rows: copies }) => sum + copies.near, 0);
    };
    await run();
    expect(await across()).toBeGreaterThan(10);
    const lines = await run({ force: true, groupDuplicates: true });
    expect(await across()).toBe(0);
    expect(lines.map((line) => line.replace(`${folder}/`, ""))).toEqual([
      "news.train.csv: 210 rows (fake 105, real 105)",
      "news.validation.csv: 45 rows (fake 22, real 23)",
      "news.test.csv: 45 rows (fake 23, real 22)",
      "60 rows copy another one, exactly or nearly; each stands in the same set as that one",
    ]);
    const parts = await Promise.all(
      ["train", "validation", "test"].map((set) => all(join(folder, `news.${set}.csv`))),
    );
    const ids = parts.flat().map(({ row }) => Number(row.id));
    expect(ids.sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id));
  });

  it("reads tab-separated files without quoting and without a header, and JSON lines", async () => {
    const tsv = join(folder, "raw.tsv");
    writeFileSync(tsv, Array.from({ length: 10 }, (_, i) => `${i}\tSays "so ${i}\n`).join(""));
    const columns = ["id", "statement"];
    await run({ file: tsv, stratify: null, quotes: false, columns });
    const train = await all(join(folder, "raw.train.csv"));
    expect(train).toHaveLength(7);
    for (const { row } of train) expect(row.statement).toBe(`Says "so ${row.id}`);
    const jsonl = join(folder, "lines.jsonl");
    writeFileSync(jsonl, '{"text":"a, b","label":0}\n{"text":"c","label":1}\n');
    await run({ file: jsonl, ratios: [1, 0, 0] });
    expect((await all(join(folder, "lines.train.csv"))).map(({ row }) => row)).toEqual([
      { text: "a, b", label: "0" },
      { text: "c", label: "1" },
    ]);
  });
});

/** Stories of random words; each fourth of them has a copy that differs in one word, in case, or not at all. */
function storiesWithCopies(count: number): { id: number; text: string; label: string }[] {
  const random = new Random(7);
  const stories = Array.from({ length: count }, (_, i) => ({
    text: Array.from({ length: 40 }, () => `w${random.int(5000)}`).join(" "),
    label: i % 2 === 0 ? "fake" : "real",
  }));
  const copies = stories.slice(0, count / 4).map(({ text, label }, i) => {
    if (i % 3 === 0) return { text, label };
    return { text: i % 3 === 1 ? text.toUpperCase() : `${text} end`, label };
  });
  return [...stories, ...copies].map((row, id) => ({ id, ...row }));
}
