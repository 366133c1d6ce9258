import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../../engine/random.ts";
import { readRows } from "../../../train/csv.ts";
import { collect } from "../../support/pieces.ts";
import { inProcess, lastJson } from "../command.ts";
import { temporaryFolder, writeCsv } from "../news.ts";

const SETS = ["train", "validation", "test"] as const;
let files: ReturnType<typeof temporaryFolder>;
let real: string;
let fake: string;
let output: string;
beforeEach(() => {
  files = temporaryFolder();
  const random = new Random(1);
  const article = (title: string) => ({
    title,
    text: Array.from({ length: 30 }, () => `w${random.int(9999)}`).join(" "),
    subject: "s",
    date: "May 1, 2017 ",
  });
  const reals = Array.from({ length: 100 }, (_, i) => article(`real ${i}`));
  const fakes = Array.from({ length: 90 }, (_, i) => article(`fake, "${i}"`));
  // Four blank texts, and six copies of which one is of the other class.
  fakes.push(...Array.from({ length: 4 }, (_, i) => ({ ...article(`blank ${i}`), text: " " })));
  fakes.push(...fakes.slice(0, 6).map((row) => ({ ...row, text: row.text.toUpperCase() })));
  reals.push({ ...article("taken"), text: fakes[7]?.text ?? "" });
  real = writeCsv(join(files.folder, "True.csv"), reals);
  fake = writeCsv(join(files.folder, "Fake.csv"), fakes);
  output = join(files.folder, "isot");
});
afterEach(() => files.remove());

const run = (...args: string[]) =>
  inProcess("import-isot", real, fake, "--output", output, ...args);
const sets = () =>
  Promise.all(SETS.map(async (set) => await collect(readRows(join(output, `${set}.csv`)))));

describe("import-isot", () => {
  it("writes the reference's three files, 70:15:15 and stratified, with every article once", async () => {
    const { code, stdout } = await run();
    expect(code).toBe(0);
    const parts = await sets();
    expect(parts.map((part) => part.length)).toEqual([141, 30, 30]);
    for (const part of parts) {
      expect(part[0]?.columns).toEqual(["title", "enhanced_cleaned_text", "label"]);
      const share = part.filter(({ row }) => row.label === "1").length / part.length;
      expect(share).toBeCloseTo(101 / 201, 1);
    }
    const originals = await Promise.all([real, fake].map((file) => collect(readRows(file))));
    const want = originals.flatMap((rows, i) =>
      rows.map(({ row }) => [row.title, row.text, i === 0 ? "1" : "0"].join("|")),
    );
    const got = parts.flat().map(({ row }) => Object.values(row).join("|"));
    expect(got.toSorted()).toEqual(want.toSorted());
    expect(stdout.replaceAll(`${files.folder}/`, "")).toContain(
      "fake  Fake.csv: 100 rows, 100 kept",
    );
    expect(stdout).toContain("blank texts 4, kept (--drop-blanks drops them)");
    expect(stdout).toContain("copies of an earlier text 6, kept (--drop-duplicates drops them)");
  });

  it("drops blanks and copies by flag, and reports them", async () => {
    const { stdout } = await run("--drop-blanks", "--drop-duplicates", "--json");
    expect(lastJson(stdout)).toEqual({
      fake: { file: fake, rows: 100, blanks: 4, duplicates: 6, kept: 90 },
      real: { file: real, rows: 101, blanks: 0, duplicates: 1, kept: 100 },
      sizes: { train: 133, validation: 28, test: 29 },
      output,
    });
    const titles = (await sets()).flat().map(({ row }) => row.title);
    expect(titles).toHaveLength(190);
    expect(titles.filter((title) => title === "taken" || title?.startsWith("blank"))).toEqual([]);
  });

  it("keeps copies in one set with --group-duplicates", async () => {
    await run("--group-duplicates");
    const parts = (await sets()).map((part) => new Set(part.map(({ row }) => row.title)));
    for (let i = 0; i < 6; i++) {
      expect(parts.filter((titles) => titles.has(`fake, "${i}"`))).toHaveLength(1);
    }
  });

  it("refuses other files and a folder in use, and leaves nothing", async () => {
    writeFileSync(fake, "title,body\na,b\n");
    const wrong = await run();
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(
      'Fake.csv: the text column "text" must exist; got the columns title, body.',
    );
    expect(readdirSync(files.folder).toSorted()).toEqual(["Fake.csv", "True.csv"]);
    const twice = await inProcess("import-isot", real, real, "--output", output);
    expect(twice).toMatchObject({ code: 2 });
    expect(twice.stderr).toContain("the two files must differ");
    copyFileSync(real, fake);
    const none = await run("--drop-duplicates");
    expect(none.stderr).toContain("True.csv: rows must be left of both files; got none of its");
    expect(readdirSync(files.folder).toSorted()).toEqual(["Fake.csv", "True.csv"]);
    writeCsv(
      fake,
      Array.from({ length: 20 }, (_, i) => ({ title: `f${i}`, text: `g${i}` })),
    );
    await run();
    const before = readFileSync(join(output, "test.csv"), "utf8");
    expect((await run("--seed", "7")).stderr).toContain("train.csv: must not exist yet");
    await run("--seed", "7", "--force");
    expect(readFileSync(join(output, "test.csv"), "utf8")).not.toBe(before);
  });
});
