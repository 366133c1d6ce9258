// Whatever is wrong with the input is said in one line, with the right exit code, and no folder is left behind.

import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, errorsOf, inProcess, run } from "./command.ts";
import { items, QUICK, SPIECE, temporaryFolder, writeCsv } from "./news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const output = path("never");
afterAll(() => files.remove());

/** One line, no stack, exit code 1, and no output folder. */
function expectRefusal(ended: Ended, file: string, message: string): void {
  const lines = errorsOf(ended).split("\n");
  expect(lines.filter((line) => /^error: |^\s+at /.test(line))).toHaveLength(1);
  const line = lines.at(-1)!;
  expect(line.startsWith(`error: ${path(file)}`), line).toBe(true);
  expect(line).toContain(message);
  expect(line).toMatch(/[.?]$/);
  expect(ended.code).toBe(1);
  expect(existsSync(output)).toBe(false);
}

const rows = items(0, 12);
const csv = (header: string, ...lines: string[]): string => [header, ...lines, ""].join("\n");
const two = ["one,fake", "two,real"];

describe("a data file", () => {
  it.each([
    ["missing.csv", undefined, "no such file"],
    ["folder.csv", null, "it is a folder"],
    ["empty.csv", "", "got an empty file"],
    ["header.csv", "text,label\n", "got a header only"],
    [
      "label.csv",
      csv("text,klass", ...two),
      'the label column "label" must exist; got the columns text, klass',
    ],
    ["text.csv", csv("a,b,label", "1,2,x", "3,4,y"), "got the columns a, b, label"],
    [
      "ragged.csv",
      csv("text,label", "one,fake", "two,too,real"),
      "record 2 (line 3): must have 2 cells like the header; got 3",
    ],
    [
      "short.csv",
      csv("text,label", "one"),
      "record 1 (line 2): must have 2 cells like the header; got 1",
    ],
    ["quote.csv", csv("text,label", '"one,fake', "two,real"), "the end of the file"],
    [
      "latin1.csv",
      Buffer.from(csv("text,label", "café,fake"), "latin1"),
      "must be UTF-8; got byte 0xe9 at offset 14",
    ],
    ["nul.csv", csv("text,label", "o\0ne,fake"), "got a NUL character"],
    [
      "unlabelled.csv",
      csv("text,label", "one,fake", "two,", "three,real"),
      'must have a label in "label"; got an empty one in record 2',
    ],
    [
      "single.csv",
      csv("text,label", "one,fake", "two,fake"),
      'at least two classes; got only "fake"',
    ],
    ["twice.csv", csv("text,text,label", "a,b,fake"), "column names must differ"],
    [
      "pointer.csv",
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
      "git-LFS pointer",
    ],
  ])("%s is refused", async (name, content, message) => {
    if (content === null) mkdirSync(path(name));
    else if (content !== undefined) writeFileSync(path(name), content);
    const args = ["train", "--data", path(name), ...QUICK, "--output", output];
    expectRefusal(await inProcess(...args), name, message);
  });

  it("with fewer rows than sets is refused", async () => {
    writeFileSync(path("few.csv"), csv("text,label", ...two));
    const args = ["train", "--data", path("few.csv"), ...QUICK, "--output", output];
    const ended = await inProcess(...args);
    expect(errorsOf(ended).split("\n").at(-1)).toMatch(
      /^error: .*(few\.csv|validation|split).*\.$/,
    );
    expect(ended.code).toBe(1);
    expect(existsSync(output)).toBe(false);
  });

  it.each(["validation", "test"])(
    "for %s with a label never seen in training is refused",
    async (set) => {
      const train = writeCsv(path("train.csv"), rows);
      const odd = writeCsv(path(`odd-${set}.csv`), [
        ...items(12, 14),
        { title: "t", text: "x", label: "satire" },
      ]);
      const sets = { train, validation: train, test: train, [set]: odd };
      const args = Object.entries(sets).flatMap(([name, file]) => [`--${name}`, file]);
      const ended = await inProcess("train", ...args, ...QUICK, "--output", output);
      expectRefusal(
        ended,
        `odd-${set}.csv`,
        'labels must be ones seen in training (fake, real); got "satire" in record 3',
      );
    },
  );

  it.each(["--train", "--validation", "--test"])(
    "that %s names and is missing is refused at once",
    async (option) => {
      const train = writeCsv(path("train.csv"), rows);
      const sets = { "--train": train, "--validation": train, [option]: path("gone.csv") };
      const args = Object.entries(sets).flat();
      const ended = await inProcess("train", ...args, ...QUICK, "--output", output);
      expectRefusal(ended, "gone.csv", "no such file");
      expect(ended.stdout).not.toContain("adapter");
    },
  );

  it("refused by a child process ends it with exit code 1 and one line", async () => {
    const ended = await run(["train", "--data", path("ragged.csv"), ...QUICK, "--output", output]);
    expectRefusal(ended, "ragged.csv", "must have 2 cells");
  });
});

describe("a cell of a megabyte", () => {
  it("is a text like any other", async () => {
    const long = { title: "long", text: "many words of no use, ".repeat(50_000), label: "fake" };
    const data = writeCsv(path("long.csv"), [long, ...items(0, 20)]);
    const args = ["--data", data, ...QUICK, "--max-steps", "1", "--output", path("long")];
    expect(await inProcess("train", ...args)).toMatchObject({ code: 0 });
    writeFileSync(path("long.txt"), `${long.text}\nshort\n`);
    const said = await inProcess("predict", "--model", path("long"), path("long.txt"));
    expect(said.stdout.trimEnd().split("\n")).toHaveLength(2);
  });
});

const header = (text: string, bytes = Buffer.from(text)): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
};

const edit = (name: string, change: (old: Buffer) => string | Buffer) => (folder: string) =>
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name))));

describe("a model folder", () => {
  const data = path("news.csv");
  const good = path("good");
  beforeAll(async () => {
    mkdirSync(files.folder, { recursive: true });
    writeCsv(data, items(0, 20));
    const args = ["--data", data, ...QUICK, "--max-steps", "1", "--output", good];
    expect(await inProcess("train", ...args)).toMatchObject({ code: 0 });
  });

  const lying = '{"classifier.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,4000]}}';
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
  const config = (change: object) =>
    edit("config.json", (old) =>
      JSON.stringify({ ...(JSON.parse(old.toString()) as object), ...change }),
    );

  it.each<[string, string, string, (folder: string) => void]>([
    [
      "of another shape",
      "model.safetensors",
      "does not fit its config.json",
      config({ hidden_size: 128, intermediate_size: 512 }),
    ],
    ["of another type", "config.json", "bert", config({ model_type: "bert" })],
    ["with a broken config", "config.json", "JSON", edit("config.json", () => "{")],
    [
      "with truncated weights",
      "model.safetensors",
      "",
      edit("model.safetensors", (old) => old.subarray(0, old.length - 1)),
    ],
    [
      "with a header that lies",
      "model.safetensors",
      "classifier.bias",
      edit("model.safetensors", () => Buffer.concat([header(lying), Buffer.alloc(8)])),
    ],
    [
      "with a huge header",
      "model.safetensors",
      "header",
      edit("model.safetensors", () => Buffer.alloc(64, 0x7f)),
    ],
    [
      "with no weights but a pointer",
      "model.safetensors",
      "git-LFS pointer",
      edit("model.safetensors", () => pointer),
    ],
    [
      "with a bad vocabulary",
      "spiece.model",
      "",
      edit("spiece.model", (old) => old.subarray(0, 1000)),
    ],
    [
      "with a pointer as vocabulary",
      "spiece.model",
      "git-LFS pointer",
      edit("spiece.model", () => pointer),
    ],
    [
      "with a vocabulary that is too large",
      "",
      "must have at most 100 pieces, config.json's vocab_size",
      config({ vocab_size: 100 }),
    ],
  ])("%s is refused by train, evaluate and predict", async (what, file, message, spoil) => {
    const name = `bad ${what}`;
    cpSync(good, path(name), { recursive: true });
    spoil(path(name));
    const model = ["--model", path(name)];
    for (const args of [
      ["train", ...model, "--data", data, "--max-length", "32", "--output", output],
      ["evaluate", ...model, "--data", data],
      ["predict", ...model, data],
    ]) {
      expectRefusal(await inProcess(...args), join(name, file), message);
    }
  });

  it("that is missing, or lacks a file, is refused by name", async () => {
    expectRefusal(await inProcess("predict", "--model", path("nowhere"), data), "nowhere", "");
    mkdirSync(path("lacking"));
    copyFileSync(join(good, "config.json"), path("lacking/config.json"));
    expectRefusal(
      await inProcess("predict", "--model", path("lacking"), data),
      "lacking",
      "must hold spiece.model",
    );
    copyFileSync(SPIECE, path("lacking/spiece.model"));
    expectRefusal(
      await inProcess("predict", "--model", path("lacking"), data),
      "lacking/model.safetensors",
      "is missing",
    );
  });

  it("without a trained classifier can be fine-tuned but not asked", async () => {
    mkdirSync(path("bare"));
    for (const name of ["config.json", "spiece.model", "model.safetensors"]) {
      copyFileSync(join(good, name), join(path("bare"), name));
    }
    edit("model.safetensors", (old) => {
      // A tensor under another name is as good as none.
      return Buffer.from(
        old.toString("latin1").replace("classifier.bias", "classifier.bios"),
        "latin1",
      );
    })(path("bare"));
    for (const args of [
      ["evaluate", "--data", data],
      ["predict", data],
    ]) {
      const ended = await inProcess(...args, "--model", path("bare"));
      expect(ended.code).toBe(2);
      expect(errorsOf(ended)).toContain("the model must be trained");
      expect(errorsOf(ended)).toContain("classifier.bias");
    }
  });
});

describe("an adapter that does not exist", () => {
  it.each(["train", "doctor"])("is refused by %s, with the names there are", async (command) => {
    const data = writeCsv(path("adapter.csv"), rows);
    const train = ["--data", data, ...QUICK, "--output", output];
    const args = command === "train" ? train : [];
    const ended = await inProcess(command, ...args, "--adapter", "nosuch");
    expect(ended.code).toBe(2);
    expect(errorsOf(ended)).toMatch(
      /^error: --adapter must be part of an adapter's name, ".+"; got "nosuch"\.$/,
    );
    expect(existsSync(output)).toBe(false);
  });
});
