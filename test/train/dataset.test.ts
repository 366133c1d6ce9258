import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseTextColumns, loadExamples } from "../../train/dataset.ts";
import { LabelSet } from "../../train/label-set.ts";
import { inPieces } from "../support/pieces.ts";

const source = (content: string) => ({ name: "news.csv", chunks: inPieces(content) });
const file = () => source("heading,label\na,0\nb,1\n");

describe("loadExamples", () => {
  it("joins text columns with one space, an empty cell as nothing", async () => {
    const { examples, textColumns } = await loadExamples(
      source("title,enhanced_cleaned_text,label\nA,b c,0\n,d,1\nE,,1\n , ,0\n"),
    );
    expect(textColumns).toEqual(["title", "enhanced_cleaned_text"]);
    expect(examples).toEqual([
      { text: "A b c", titleLength: 1, label: 0 },
      { text: " d", titleLength: 0, label: 1 },
      { text: "E ", titleLength: 1, label: 1 },
      { text: "   ", titleLength: 1, label: 0 },
    ]);
  });

  it("takes the wanted columns in the wanted order", async () => {
    const { examples } = await loadExamples(source("a,b,kind\n1,2,x\n3,4,y\n"), {
      textColumns: ["b", "a"],
      labelColumn: "kind",
    });
    expect(examples.map(({ text }) => text)).toEqual(["2 1", "4 3"]);
  });

  it("numbers integer labels in numeric order and keeps their names", async () => {
    const { examples, labels } = await loadExamples(source("text,label\na,10\nb,9\nc,-1\nd, 9 \n"));
    expect(labels.names).toEqual(["-1", "9", "10"]);
    expect(examples.map(({ label }) => label)).toEqual([2, 1, 0, 1]);
  });

  it("numbers other labels in alphabetical order", async () => {
    const { examples, labels } = await loadExamples(
      source("tweet,label\na,real\nb,fake\nc,10\nd,9\n"),
    );
    expect(labels.names).toEqual(["10", "9", "fake", "real"]);
    expect(examples.map(({ label }) => label)).toEqual([3, 2, 0, 1]);
  });

  it("gives classes other names when told to", async () => {
    const options = { labelNames: { 1: "real", 0: "fake" } };
    const { examples, labels } = await loadExamples(source("text,label\na,1\nb,0\n"), options);
    expect(labels.names).toEqual(["fake", "real"]);
    expect(examples.map(({ label }) => label)).toEqual([1, 0]);
    await expect(loadExamples(source("text,label\na,1\nb,2\n"), options)).rejects.toThrow(
      'news.csv: labels must be ones named (fake, real); got "2" in record 2.',
    );
  });

  it("uses the training set's classes for the other sets", async () => {
    const { labels } = await loadExamples(source("text,label\na,fake\nb,real\n"));
    const validation = await loadExamples(source("text,label\nc,real\nd,real\n"), { labels });
    expect(validation.examples.map(({ label }) => label)).toEqual([1, 1]);
    expect(validation.labels).toBe(labels);
  });

  it("refuses labels that training has never seen, by record", async () => {
    const labels = new LabelSet(["fake", "real"]);
    const rows = ["real", "satire", "fake", ...Array.from({ length: 8 }, () => "other")];
    await expect(
      loadExamples(source(`text,label\n${rows.map((label) => `x,${label}\n`).join("")}`), {
        labels,
      }),
    ).rejects.toThrow(
      'news.csv: labels must be ones seen in training (fake, real); got "satire" in records 2, 4, 5, 6, 7 and 4 more. Correct them, or say which class each value is with --label-names.',
    );
    await expect(loadExamples(source("text,label\na,0\n"), { labels })).rejects.toThrow(
      'got "0" in record 1.',
    );
  });

  it("refuses a file that spells a class in two ways: it would be two classes added up", async () => {
    const rows = source("text,label\na,fake\nb,real\n");
    const labels = LabelSet.ofModel(["fake", "real"], { fake: "real" });
    await expect(loadExamples(rows, { labels })).rejects.toThrow(
      'news.csv: a class must be spelled in one way; got "fake" and "real" for one. Write one of them, or name both values.',
    );
    const mixed = source("text,label\na,0\nb,fake\n");
    await expect(
      loadExamples(mixed, { labels: LabelSet.ofModel(["fake", "real"]) }),
    ).rejects.toThrow('got "0" and "fake" for one');
    const all = await loadExamples(source("text,label\na,fake\n"), { labels });
    expect(all.examples[0]!.label).toBe(1);
  });

  it("refuses empty labels, by record", async () => {
    await expect(loadExamples(source("text,label\na,0\nb,\nc,1\nd,  \n"))).rejects.toThrow(
      'news.csv: each record must have a label in "label"; got an empty one in records 2, 4.',
    );
  });

  it("refuses a single class in training", async () => {
    await expect(loadExamples(source("text,label\na,fake\nb,fake\n"))).rejects.toThrow(
      'news.csv: there must be at least two classes; got only "fake" in records 1 to 2.',
    );
  });

  /** A file of `classes` classes, the last `single` of them with one row, the others with two. */
  const many = (classes: number, single: number, label = (i: number) => `c${i}`) => {
    const rows = Array.from({ length: classes }, (_, i) =>
      `text,${label(i)}\n`.repeat(i < classes - single ? 2 : 1),
    );
    return source(`text,intent\n${rows.join("")}`);
  };
  const labelColumn = "intent";

  it("refuses a column that can hardly be the label: too many classes, or most with a single row", async () => {
    await expect(loadExamples(many(1001, 0), { labelColumn })).rejects.toThrow(
      'news.csv: there must be at most 1000 classes in "intent"; got 1001 in 2002 rows. Name the label column with --label-column.',
    );
    await expect(loadExamples(many(120, 61), { labelColumn })).rejects.toThrow(
      'news.csv: of more than 100 classes in "intent" most must have several rows; got 120 in 179 rows, 61 of them with a single one. Name the label column with --label-column.',
    );
  });

  it("takes hundreds of classes that have several rows, and a hundred that have one", async () => {
    for (const [classes, single] of [
      [150, 0],
      [600, 300],
      [1000, 0],
      [100, 100],
    ] as const) {
      const { labels } = await loadExamples(many(classes, single), { labelColumn });
      expect(labels.names).toHaveLength(classes);
    }
  });

  it("takes classes as the model has them, however many", async () => {
    const labels = new LabelSet(Array.from({ length: 1200 }, (_, i) => `c${i}`));
    const { examples } = await loadExamples(many(1200, 1200), { labelColumn, labels });
    expect(examples).toHaveLength(1200);
  });

  it("names ten of the classes at most, and of a long label its beginning", async () => {
    const labels = new LabelSet(Array.from({ length: 600 }, (_, i) => `c${i}`));
    const long = "x".repeat(5000);
    await expect(loadExamples(source(`text,label\na,${long}\n`), { labels })).rejects.toThrow(
      `news.csv: labels must be ones seen in training (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 590 more); got "${"x".repeat(79)}…" in record 1.`,
    );
  });

  it("refuses a file with only a header", async () => {
    await expect(loadExamples(source("text,label\n"))).rejects.toThrow(
      "news.csv: must have records; got a header only.",
    );
  });

  it("names the columns there are when one is missing", async () => {
    await expect(loadExamples(file())).rejects.toThrow(
      "got the columns heading, label. Name yours.",
    );
    await expect(loadExamples(file(), { textColumns: ["heading", "text"] })).rejects.toThrow(
      'news.csv: the text column "text" must exist; got the columns heading, label.',
    );
    await expect(
      loadExamples(file(), { textColumns: ["heading"], labelColumn: "class" }),
    ).rejects.toThrow(
      'news.csv: the label column "class" must exist; got the columns heading, label.',
    );
  });

  it("takes NaN among numbers for a missing label, and says where", async () => {
    const rows = ["0", "1", "nan", "1", "nan"].map((label, i) => `text ${i},${label}`);
    const csv = ["text,label", ...rows, ""].join("\n");
    await expect(loadExamples(source(csv))).rejects.toThrow(
      'news.csv: each record must have a label in "label"; got "nan" among numbers in records 3, 5. Remove such records.',
    );
    const labelNames = { 0: "fake", 1: "real", nan: "unknown" };
    expect((await loadExamples(source(csv), { labelNames })).labels.names).toHaveLength(3);
    const named = csv.replaceAll(",1\n", ",other\n");
    expect((await loadExamples(source(named))).labels.names).toEqual(["0", "nan", "other"]);
  });

  it("does not take the label for a text", async () => {
    await expect(loadExamples(file(), { textColumns: ["heading", "label"] })).rejects.toThrow(
      'news.csv: the label column must not be a text column; got "label" as both. Name other text columns.',
    );
  });
});

describe("default text columns", () => {
  it.each([
    [
      ["title", "enhanced_cleaned_text", "text"],
      ["title", "enhanced_cleaned_text"],
    ],
    [
      ["title", "text", "subject"],
      ["title", "text"],
    ],
    [
      ["class_index", "title", "description"],
      ["title", "description"],
    ],
    [["id", "tweet", "label"], ["tweet"]],
    [["id", "label", "statement", "context"], ["statement"]],
    [["label", "sentence"], ["sentence"]],
    [["label", "content"], ["content"]],
    [["label", "title", "date"], ["title"]],
    [["description", "text"], ["text"]],
  ])("of %j are %j", (columns, want) => {
    expect(chooseTextColumns(columns, undefined, "x.csv")).toEqual(want);
  });
});

describe("loadExamples on real files", () => {
  const shared = "../shared/data";
  it.skipIf(!existsSync(shared)).each([
    ["isot/sample_2000_reference_columns.csv", {}, ["0", "1"], [1000, 1000]],
    ["isot/titles.csv", {}, ["0", "1"], [23_471, 21_417]],
    ["constraint_covid/train.csv", {}, ["fake", "real"], [3060, 3360]],
    [
      "ag_news/test.csv",
      { labelColumn: "class_index" },
      ["1", "2", "3", "4"],
      [1900, 1900, 1900, 1900],
    ],
    [
      "liar/train.csv",
      {},
      ["barely-true", "false", "half-true", "mostly-true", "pants-fire", "true"],
      [1657, 1998, 2123, 1966, 842, 1683],
    ],
  ])(
    "finds the classes and their counts (needs shared data: %s)",
    async (file, options, names, counts) => {
      const { examples, labels } = await loadExamples(`${shared}/${file}`, options);
      expect(labels.names).toEqual(names);
      expect(names.map((_, id) => examples.filter(({ label }) => label === id).length)).toEqual(
        counts,
      );
      expect(examples.every(({ text }) => text.length > 0)).toBe(true);
    },
  );
});
