import { describe, expect, it, vi } from "vitest";
import { Printer } from "../../cli/printer.ts";
import { printEvaluation } from "../../cli/scores.ts";
import { type Example, scored } from "../../train/index.ts";

/** What is printed of K classes with two rows each, of which `taken` are taken for the class before theirs. */
function printed(K: number, taken: readonly number[], file?: string): string[] {
  const names = Array.from({ length: K }, (_, k) => `c${k}`);
  const examples: Example[] = names.flatMap((_, label) => [
    { text: "", label },
    { text: "", label },
  ]);
  const logits = new Float32Array(examples.length * K);
  const wrong = [...taken];
  examples.forEach(({ label }, row) => {
    const at = wrong.indexOf(label);
    if (at !== -1) wrong.splice(at, 1);
    logits[row * K + label - (at === -1 ? 0 : 1)] = 5;
  });
  const lines: string[] = [];
  const printer = new Printer(true);
  vi.spyOn(printer, "line").mockImplementation((text = "") => void lines.push(text));
  const labels = Uint32Array.from(examples, ({ label }) => label);
  printEvaluation(printer, "test", scored(logits, labels, K, 1), examples, names, file);
  return lines;
}

describe("the confusion matrix", () => {
  it("is printed up to twenty classes", () => {
    const lines = printed(20, [3, 3]);
    const head = lines.indexOf("confusion matrix (rows: truth, columns: prediction)");
    expect(lines.slice(head + 1, -1)).toHaveLength(21);
    expect(lines.join("\n")).not.toContain("most frequent");
  });

  it("of more is the ten most frequent confusions, and where the rest is; the report stays whole", () => {
    const lines = printed(150, [...Array.from({ length: 14 }, (_, i) => i + 1), 9], "out/p.jsonl");
    const head = lines.indexOf(
      "most frequent confusions of 150 classes; out/p.jsonl has every prediction",
    );
    expect(lines.slice(head + 1, -1)).toEqual([
      "  truth c9, predicted c8: 2",
      ...[1, 2, 3, 4, 5, 6, 7, 8, 10].map((k) => `  truth c${k}, predicted c${k - 1}: 1`),
    ]);
    expect(lines.join("\n")).toMatch(/ c149 +1\.0000 +1\.0000 +1\.0000 +2\n/);
    expect(lines.join("\n").length).toBeLessThan(20_000);
  });

  it("of a model without mistakes says so", () => {
    const lines = printed(21, []);
    expect(lines.slice(-3)).toEqual([
      "most frequent confusions of 21 classes",
      "  none: nothing is misclassified",
      "",
    ]);
  });
});
