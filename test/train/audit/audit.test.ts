import { describe, expect, it } from "vitest";
import { Random } from "../../../engine/random.ts";
import { auditRows, type Row, stories, story } from "./news.ts";

const change = (rows: Row[], which: (i: number) => boolean, edit: (row: Row) => Row): Row[] =>
  rows.map((row, i) => (which(i) ? edit(row) : row));
const isB = (i: number): boolean => i % 2 === 1;

describe("the audit", () => {
  it("has nothing to say about texts that tell nothing", async () => {
    const report = await auditRows({ data: stories(400) });
    expect(report.warnings).toEqual([]);
    expect(report.majority).toBe(0.5);
    expect(report.shortcuts.filter(({ isWarning }) => isWarning)).toEqual([]);
  });

  it("counts rows, classes, words and empty texts", async () => {
    const random = new Random(2);
    const lengths = [1, 2, 3, 4, 90];
    const rows = lengths.map((n, i) => ({ text: story(random, n), label: i < 2 ? "a" : "b" }));
    const { sets } = await auditRows({ data: [...rows, { text: " ...", label: "b" }] });
    expect(sets).toEqual([
      {
        name: "data",
        file: "data.csv",
        rows: 6,
        classes: { a: 2, b: 4 },
        words: { median: 2.5, p95: 68.5, max: 90, mean: 101 / 6 }, // as numpy.quantile
        tokens: null,
        empty: 1,
      },
    ]);
  });

  it("warns of classes that the training set lacks", async () => {
    const test = stories(3, 2).map((row, i) => ({ ...row, label: String(i % 2) }));
    const sets = { train: stories(400), validation: stories(20, 3), test };
    const { warnings } = await auditRows(sets);
    expect(warnings).toEqual(["3 of the test rows have a class that train lacks: 0, 1"]);
    const labelNames = { 0: "a", 1: "b" };
    expect((await auditRows({ data: test }, { labelNames })).warnings).toEqual([]);
  });

  it("warns of a single class", async () => {
    const rows = stories(40).map((row) => ({ ...row, label: "a" }));
    expect((await auditRows({ data: rows })).warnings).toEqual([
      "all rows are of one class, a: there is nothing to tell apart",
    ]);
  });

  it("counts tokens, cut texts and padding at the maximal length", async () => {
    const encoder = { encode: (text: string) => [2, ...text.split(" ").map(() => 7), 3] };
    const rows = [2, 6, 7, 14].map((n) => ({ text: story(new Random(n), n), label: `l${n % 4}` }));
    const { sets } = await auditRows({ data: rows }, { encoder, maxLength: 8 });
    expect(sets[0]?.tokens).toEqual({
      texts: 4,
      maxLength: 8,
      truncated: 2 / 4, // 9 and 16 tokens
      padding: 1 - (4 + 8 + 8 + 8) / (4 * 8),
      median: 8.5,
      p95: expect.closeTo(14.95, 12),
      max: 16,
      mean: 37 / 4,
    });
  });

  it("counts copies inside a set and across sets, by each meaning of a copy", async () => {
    const [one, two, three, four, ...rest] = stories(60) as [Row, Row, Row, Row, ...Row[]];
    const near = (row: Row): Row => ({ ...row, text: `${row.text} more` });
    const folded = (row: Row): Row => ({ ...row, text: `«${row.text?.toUpperCase()}»!` });
    const train = [one, two, three, four, ...rest.slice(0, 40), one, folded(two)];
    const { duplicates, warnings } = await auditRows({
      train,
      test: [...rest.slice(40), near(one), folded(three), four],
    });
    expect(duplicates).toMatchObject({ nearJaccard: 0.8, shingleWords: 3 });
    expect(duplicates.inside).toEqual({
      train: { exact: 1, folded: 2, near: 2 },
      test: { exact: 0, folded: 0, near: 0 },
    });
    expect(duplicates.across).toEqual([
      { set: "test", of: "train", rows: { exact: 1, folded: 2, near: 3 }, share: 3 / 19 },
    ]);
    expect(
      duplicates.examples.map(({ sameness, rows }) => [
        sameness,
        ...rows.map(({ set, record }) => `${set} ${record}`),
      ]),
    ).toEqual([
      ["exact", "train 4", "test 19"],
      ["exact", "train 1", "train 45"],
      ["folded", "train 3", "test 18"],
      ["folded", "train 2", "train 46"],
      ["near", "train 1", "test 17"],
    ]);
    expect(warnings[0]).toBe(
      "3 of the test rows (15.8 %) stand in train too (1 exactly, 1 but for case or punctuation, 1 nearly)",
    );
  });

  it("finds texts with two labels, and does not call empty ones copies", async () => {
    const rows = stories(40);
    const [first] = rows as [Row];
    const blank = { text: " ", label: "a" };
    const { conflicts, duplicates, warnings } = await auditRows({
      data: [...rows, { text: `${first.text}.`, label: "b" }, blank, { ...blank, label: "b" }],
    });
    expect(conflicts).toMatchObject({ texts: 1, rows: 2 });
    expect(conflicts.examples[0]?.map(({ record, label }) => [record, label])).toEqual([
      [1, "a"],
      [41, "b"],
    ]);
    expect(duplicates.inside.data).toEqual({ exact: 0, folded: 1, near: 1 });
    expect(warnings).toEqual([
      "1 texts stand under more than one label, in 2 rows",
      "1 of the data rows (2.3 %) copy an earlier one (1 but for case or punctuation)",
      "2 of the data rows have an empty text",
    ]);
  });

  it.each<[string, (row: Row) => Row, object]>([
    [
      "a word as written",
      (row) => ({ ...row, text: `${row.text} (Wire) end` }),
      { kind: "phrase", description: 'text has "end"' },
    ],
    [
      "a blank at the end",
      (row) => ({ ...row, text: `${row.text} ` }),
      { kind: "blanks", description: "text ends with a blank" },
    ],
    [
      "a blank at the start",
      (row) => ({ ...row, text: ` ${row.text}` }),
      { kind: "blanks", description: "text starts with a blank" },
    ],
    [
      "capitals",
      (row) => ({
        ...row,
        text: row.text!.replace(/w(\d+)$/, (_, n: string) => `${"QXZJ"[Number(n) % 4]}ABCD`),
      }),
      { kind: "characters", description: "text has an ALL-CAPS word of 4 or more letters" },
    ],
    [
      "characters outside ASCII",
      (row) => ({ ...row, text: row.text!.replace("w", "ŵ") }),
      { kind: "characters", description: "text has a character outside ASCII" },
    ],
    [
      "links",
      (row) => ({
        ...row,
        text: `${row.text} http://x.io/${row.text?.length}${row.text?.slice(1, 9).replace(" ", "")}`,
      }),
      { kind: "characters", description: "text has a link" },
    ],
  ])("finds %s that gives a class away by itself", async (_name, edit, rule) => {
    const { shortcuts, warnings } = await auditRows({ data: change(stories(300), isB, edit) });
    const found = shortcuts.find(
      (one) => one.accuracy === 1 && "description" in rule && one.description === rule.description,
    );
    expect(found).toMatchObject({
      ...rule,
      column: "text",
      present: "b",
      absent: "a",
      support: 150,
      supportByClass: { a: 0, b: 150 },
      isWarning: true,
    });
    expect(found?.examples).toHaveLength(3);
    expect(found?.examples[0]).toMatchObject({ set: "data", record: 2, label: "b" });
    expect(warnings.some((warning) => warning.includes("100.0 % of the rows"))).toBe(true);
  });

  it("scores a rule by what it gets right on both sides", async () => {
    const rows = change(
      stories(300),
      (i) => (isB(i) && i > 20) || i === 2,
      (row) => ({
        ...row,
        text: `${row.text} zebra`,
      }),
    );
    const { shortcuts } = await auditRows({ data: rows });
    expect(shortcuts[0]).toMatchObject({
      description: 'text has "zebra"',
      accuracy: (140 + 149) / 300,
      supportByClass: { a: 1, b: 140 },
    });
  });

  it("tells a word in its place from the word anywhere, and case from no case", async () => {
    const at = (word: string, early: boolean) => (row: Row) => ({
      ...row,
      text: early ? `${word} ${row.text}` : `${row.text} ${word}`,
    });
    const early = change(
      change(stories(300), isB, at("zebra", true)),
      (i) => !isB(i),
      at("zebra", false),
    );
    const byPlace = (await auditRows({ data: early })).shortcuts[0];
    expect(byPlace?.description).toBe('text has "zebra" in its first 100 characters');
    expect(byPlace?.accuracy).toBe(1);
    const cased = change(
      change(stories(300), isB, at("Zebra", true)),
      (i) => !isB(i),
      at("zebra", true),
    );
    const byCase = (await auditRows({ data: cased })).shortcuts;
    expect(byCase.filter(({ accuracy }) => accuracy === 1).map((one) => one.description)).toContain(
      'text has "Zebra"',
    );
    expect(byCase.map(({ description }) => description)).not.toContain(
      'text has "zebra" in any case',
    );
  });

  it("finds a phrase of three words where no word of it tells anything", async () => {
    const random = new Random(5);
    const rows = stories(400).map((row, i) => {
      const [x, y] = [story(random, 1), story(random, 1)];
      const end = isB(i) ? `red green blue ${x} ${y}` : `red green ${x} green blue`;
      return { ...row, text: `${row.text} ${end}` };
    });
    const best = (await auditRows({ data: rows })).shortcuts.filter(
      ({ accuracy }) => accuracy === 1,
    );
    expect(best.map(({ description }) => description)).toEqual(['text has "red green blue"']);
    expect(best[0]?.alike).toBeGreaterThan(0);
  });

  it("finds a length that gives a class away", async () => {
    const random = new Random(3);
    const rows = Array.from({ length: 300 }, (_, i) => ({
      text: story(random, isB(i) ? 20 + random.int(9) : 8 + random.int(9)),
      label: isB(i) ? "long" : "short",
    }));
    const [rule] = (await auditRows({ data: rows })).shortcuts;
    expect(rule).toMatchObject({ kind: "length", accuracy: 1, present: "short", absent: "long" });
    const { length } =
      /fewer than (?<length>\d+) words/.exec(rule?.description ?? "")?.groups ?? {};
    expect(Number(length)).toBeGreaterThan(16);
    expect(Number(length)).toBeLessThanOrEqual(20);
  });

  it("looks at every other column: its values, its blanks, and not at numbers that only name a row", async () => {
    const random = new Random(4);
    const rows = stories(300).map((row, i) => ({
      ...row,
      id: `${i}`,
      subject: isB(i) ? ["world", "home"][random.int(2)]! : ["left", "right"][random.int(2)]!,
      date: `May ${1 + random.int(28)}, 2017${isB(i) ? " " : ""}`,
    }));
    const found = (await auditRows({ data: rows })).shortcuts.filter(({ isWarning }) => isWarning);
    const names = found.map(({ description, accuracy }) => `${description}: ${accuracy}`);
    expect(names).toContain("subject by its value (4 values): 1");
    expect(names).toContain("date ends with a blank: 1");
    expect(found.filter(({ column }) => column === "id")).toEqual([]);
  });

  it("speaks of more than two classes, and of labels by their names", async () => {
    const rows = stories(300).map((row, i) => ({
      label: String(i % 3),
      text: i % 3 === 1 ? `${row.text} zebra` : row.text!,
    }));
    const { labels, shortcuts, majority, sets } = await auditRows(
      { data: rows },
      { labelNames: { "0": "zero", "1": "one", "2": "two" } },
    );
    expect(labels).toEqual(["zero", "one", "two"]);
    expect(sets[0]?.classes).toEqual({ zero: 100, one: 100, two: 100 });
    expect(majority).toBeCloseTo(1 / 3);
    expect(shortcuts[0]).toMatchObject({ present: "one", absent: "zero", support: 100 });
    expect(shortcuts[0]?.accuracy).toBeCloseTo(2 / 3);
    expect(shortcuts[0]?.examples.map(({ label }) => label)).toEqual(["one", "one", "one"]);
  });

  it("adds up what one set calls by its name and another by its value, and refuses both in one set", async () => {
    const labelNames = { 1: "a", 0: "b" };
    const numbered = stories(30, 2).map((row) => ({
      ...row,
      label: row.label === "a" ? "1" : "0",
    }));
    const sets = { train: numbered, validation: stories(20, 3), test: numbered.slice(0, 10) };
    const { labels, sets: counted, majority, warnings } = await auditRows(sets, { labelNames });
    expect(labels).toEqual(["b", "a"]);
    expect(counted.map(({ classes }) => classes)).toEqual([
      { b: 15, a: 15 },
      { b: 10, a: 10 },
      { b: 5, a: 5 },
    ]);
    expect(majority).toBe(0.5);
    expect(warnings).toEqual(["10 of the test rows (100.0 %) stand in train too"]);
    const mixed = [...numbered, ...stories(1)];
    await expect(auditRows({ data: mixed }, { labelNames })).rejects.toThrow(
      'data.csv: a class must be spelled in one way; got "1" and "a" for one.',
    );
  });

  it("does not warn of what luck does in a small set, or of values that few rows share", async () => {
    const zebra = (row: Row): Row => ({ ...row, text: `${row.text} zebra` });
    const small = change(stories(24), (i) => (isB(i) && i > 6) || i === 2, zebra);
    const found = (await auditRows({ data: small })).shortcuts;
    const lucky = found.find(({ description }) => description === 'text has "zebra"');
    expect(lucky).toMatchObject({ accuracy: (9 + 11) / 24, isWarning: false });
    const random = new Random(6);
    const pairs = stories(300).map((row, i) => ({
      ...row,
      label: random.int(2) === 0 ? "a" : "b",
      batch: `n${i >> 1}`,
    }));
    const { warnings } = await auditRows({ data: pairs });
    expect(warnings).toEqual([]);
  });

  it("refuses a row without a label, a missing column, and a column that is no label", async () => {
    const rows = stories(120);
    await expect(auditRows({ data: [...rows, { text: "x", label: " " }] })).rejects.toThrow(
      'data.csv: each record must have a label in "label"; got an empty one in record 121.',
    );
    await expect(auditRows({ data: [{ text: "x", class: "a" }] })).rejects.toThrow(
      'the label column "label" must exist',
    );
    await expect(
      auditRows({ data: rows.map((row, i) => ({ ...row, label: String(i) })) }),
    ).rejects.toThrow(
      'at most 100 classes in "label"; got more by record 101. Name the label column with --label-column.',
    );
  });
});
