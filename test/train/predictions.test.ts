import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { predictionsOf, readPredictions, writePredictions } from "../../train/predictions.ts";
import { temporaryFolder } from "../cli/news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
afterAll(() => files.remove());

const p = Math.fround(0.1);
const set = {
  evaluation: {
    predictions: Uint32Array.of(0, 0, 1),
    probabilities: Float32Array.of(1 - p, p, 0.75, 0.25, 0.5, 0.5),
  },
  examples: [
    { text: "right", label: 0 },
    { text: "A title\nover lines And its text", titleLength: 18, label: 1 },
    { text: "no title", label: 0 },
  ],
  lengths: Uint16Array.of(3, 9, 4),
  names: ["fake", "real"],
};

describe("predictions", () => {
  it("are written a line each, and read as they were", async () => {
    await writePredictions(path("p.jsonl"), predictionsOf(set));
    const lines = readFileSync(path("p.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines[1]).toBe(
      '{"row":1,"label":"real","predicted":"fake","probabilities":{"fake":0.75,"real":0.25},"tokens":9,"title":"A title over lines","text":"And its text"}',
    );
    const read = await readPredictions(path("p.jsonl"));
    expect(read).toEqual([...predictionsOf(set)]);
    expect(read.map(({ title, text }) => [title, text])).toEqual([
      [undefined, undefined],
      ["A title over lines", "And its text"],
      [undefined, "no title"],
    ]);
    expect(Math.fround(read[0]!.probabilities["real"]!)).toBe(p);
  });

  it("keep hostile texts and class names whole, on one line", async () => {
    const text = `</script>\u2028"'\0\ud800 ${"😀".repeat(400)}`;
    const names = ["__proto__", "\u2028\n"];
    const examples = set.examples.map(({ label }) => ({ text, label }));
    await writePredictions(path("hostile.jsonl"), predictionsOf({ ...set, examples, names }));
    const read = await readPredictions(path("hostile.jsonl"));
    expect(read).toHaveLength(3);
    expect(Object.keys(read[1]!.probabilities)).toEqual(names);
    expect(read[1]!.predicted).toBe("__proto__");
    const [start, end] = [read[1]!.text!.slice(0, 14), read[1]!.text!.slice(-3)];
    expect(start).toBe(`</script> "'\0\ud800`);
    expect(end).toBe("😀…");
  });

  it.each([
    ['{"row":0}', "(line 1): must be a prediction"],
    [
      '{"row":0,"label":"a","predicted":"a","probabilities":{"a":1},"tokens":1}\n{"row"',
      "(line 2)",
    ],
    ['{"row":0,"label":"a","predicted":"b","probabilities":{"a":1},"tokens":1}', "(line 1)"],
    ["\n", "(line 1)"],
  ])("are refused with the line: %j", async (content, message) => {
    writeFileSync(path("bad.jsonl"), content);
    await expect(readPredictions(path("bad.jsonl"))).rejects.toThrow(message);
  });

  it("that are not there are refused with the path", async () => {
    await expect(readPredictions(path("none.jsonl"))).rejects.toThrow(
      "none.jsonl: must be there, as a finished run leaves it",
    );
  });
});
