import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeSets, loadSets, tokenizeSets } from "../../cli/data.ts";
import { Printer } from "../../cli/printer.ts";
import { Tokenizer } from "../../model/index.ts";
import { SPIECE, temporaryFolder, writeCsv } from "./news.ts";

const tokenizer = await Tokenizer.load(SPIECE);
const large = Array.from({ length: 80 }, (_, i) => ({
  text: `Article ${i}: the Senate passed its budget. `.repeat(320),
  label: i % 2,
}));
const sets = { train: large, validation: large.slice(0, 3), test: large.toReversed() };

let files: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  files = temporaryFolder();
  vi.stubEnv("XDG_CACHE_HOME", files.folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  files.remove();
});

/** The sets, and the lines that were printed. */
async function tokenize(maxLength = 32) {
  const lines: string[] = [];
  const printer = new Printer(true);
  vi.spyOn(printer, "line").mockImplementation((text = "") => void lines.push(text));
  return { done: await tokenizeSets(printer, sets, tokenizer, maxLength), lines };
}

describe("tokenizeSets", () => {
  it("keeps large sets, and takes them from the cache when nothing has changed", async () => {
    const first = await tokenize();
    expect(first.lines).toEqual([]);
    const folder = join(files.folder, "albert-gpu", "tokens");
    expect(readdirSync(folder)).toHaveLength(2); // the validation set is small
    const encode = vi.spyOn(Tokenizer.prototype, "encode");
    const second = await tokenize();
    expect(encode).toHaveBeenCalledTimes(3);
    encode.mockRestore();
    expect(second.done).toEqual(first.done);
    expect(second.lines).toEqual([
      "tokens       train 80 texts from the cache",
      "tokens       test 80 texts from the cache",
    ]);
    expect((await tokenize(31)).lines).toEqual([]);
  });

  it("writes a damaged file again", async () => {
    const { done } = await tokenize();
    const folder = join(files.folder, "albert-gpu", "tokens");
    const [name] = readdirSync(folder);
    const whole = readFileSync(join(folder, name!));
    writeFileSync(join(folder, name!), whole.subarray(0, 100));
    const again = await tokenize();
    expect(again.lines).toHaveLength(1);
    expect(again.done).toEqual(done);
    expect(readFileSync(join(folder, name!))).toEqual(whole);
  });

  it("goes on without a cache that cannot be written, and says so once", async () => {
    const { done } = await tokenize();
    writeFileSync(join(files.folder, "no folder"), "");
    vi.stubEnv("XDG_CACHE_HOME", join(files.folder, "no folder"));
    const without = await tokenize();
    expect(without.done).toEqual(done);
    expect(without.lines).toEqual([
      expect.stringMatching(/^tokens {7}not kept for the next run: E/),
    ]);
  });
});

describe("loadSets", () => {
  const csv = (name: string, ...columns: string[]): string =>
    writeCsv(
      join(files.folder, name),
      ["fake", "real"].map((label) => ({
        ...Object.fromEntries(columns.map((column) => [column, `${label} ${column}`])),
        label,
      })),
    );

  it("refuses a set whose text would be made of other columns than the training set's", async () => {
    const train = csv("a.csv", "title", "text");
    const validation = csv("b.csv", "title", "text");
    const test = csv("c.csv", "text");
    await expect(loadSets({ train, validation, test }, 1)).rejects.toThrow(
      `${test}: its text columns must be those of ${train}, title + text; got text. Name them with --text-columns.`,
    );
    const named = await loadSets({ train, validation, test, textColumns: ["text"] }, 1);
    expect(named.test[0]?.text).toBe("fake text");
    await expect(loadSets({ train, validation: csv("d.csv", "title", "body") }, 1)).rejects.toThrow(
      "title + text; got title + body.",
    );
  });

  it("takes one column of another name, and says which", async () => {
    const sets = await loadSets(
      {
        train: csv("a.csv", "sentence"),
        validation: csv("b.csv", "sentence"),
        test: csv("c.csv", "content"),
      },
      1,
    );
    expect(sets.test.map(({ text }) => text)).toEqual(["fake content", "real content"]);
    const printer = new Printer(true);
    const line = vi.spyOn(printer, "line").mockImplementation(() => undefined);
    describeSets(printer, sets);
    expect(line.mock.calls[0]).toEqual(["text         sentence (test: content)"]);
  });

  it("shows ten classes of a set, the largest", async () => {
    const rows = Array.from({ length: 600 }, (_, i) => ({ text: "x", label: `c${i % 150}` }));
    const data = writeCsv(join(files.folder, "intents.csv"), [
      ...rows,
      ...Array.from({ length: 96 }, () => ({ text: "y", label: "c149" })),
    ]);
    const printer = new Printer(true);
    const line = vi.spyOn(printer, "line").mockImplementation(() => undefined);
    describeSets(printer, await loadSets({ data }, 1));
    const [, train = ""] = line.mock.calls.map(([text]) => text);
    expect(train).toMatch(/^train +\d+ rows \(c149 70, (c\d+ \d, ){8}c\d+ \d and 140 more\)$/);
  });
});
