import { describe, expect, it } from "vitest";
import { LabelSet } from "../../train/label-set.ts";

describe("labels", () => {
  it("of a saved model can be given by name or by id", () => {
    const labels = LabelSet.ofModel(["fake", "real"]);
    expect(["fake", "real", "0", "1", "2", ""].map((name) => labels.idOf(name))).toEqual([
      0, 1, 0, 1, -1, -1,
    ]);
  });

  it("of a saved model that are integers are names, never ids", () => {
    const labels = LabelSet.ofModel(["1", "2"]);
    expect(["0", "1", "2"].map((name) => labels.idOf(name))).toEqual([-1, 0, 1]);
  });

  it("of a saved model are what the given names say, also where a value is another class's name", () => {
    const ids = (labelNames: Record<string, string>): number[] => {
      const labels = LabelSet.ofModel(["fake", "real"], labelNames);
      return ["fake", "real", "0", "1"].map((value) => labels.idOf(value));
    };
    expect(ids({ 0: "real", 1: "fake" })).toEqual([0, 1, 1, 0]);
    expect(ids({ fake: "real", real: "fake" })).toEqual([1, 0, -1, -1]);
    expect(ids({ real: "fake" })).toEqual([0, 0, -1, -1]); // the data have no "fake" then, see loadExamples
    expect(ids({ fake: "real" })).toEqual([1, 1, -1, -1]);
  });

  it("must differ", () => {
    expect(() => LabelSet.fromValues(["0", "1"], { 0: "fake", 1: "fake" })).toThrow(
      'got "fake" twice',
    );
  });

  it("are never merged by a new name that another value has", () => {
    expect(() => LabelSet.fromValues(["w0", "w1", "w2"], { w0: "w1", w2: "z" })).toThrow(
      'labels: a new name must not be another value there is; got "w1" for "w0". Rename "w1" too.',
    );
    expect(() => LabelSet.fromValues(["fake", "real"], { fake: "real" })).toThrow('"real" for');
    const swapped = LabelSet.fromValues(["fake", "real"], { fake: "real", real: "fake" });
    expect(["fake", "real"].map((value) => swapped.names[swapped.idOf(value)])).toEqual([
      "real",
      "fake",
    ]);
    // A file that uses the new names already has nothing to merge.
    expect(LabelSet.fromValues(["fake", "real"], { 0: "fake", 1: "real" }).names).toEqual([
      "fake",
      "real",
    ]);
  });

  it.each([
    [["0", "1", "1.0"], 'must be written in one way; got "1" and "1.0". Write one of them,'],
    [["-01", "3", "-1.00"], 'got "-01" and "-1.00"'],
    [["0", "NaN", "1"], 'each record must have one; got "NaN" among numbers'],
  ])("of numbers are no more classes than there are: %j", (values, problem) => {
    expect(() => LabelSet.fromValues(values)).toThrow(problem);
    const named = Object.fromEntries(values.map((value, i) => [value, `class ${i}`]));
    expect(LabelSet.fromValues(values, named).names).toHaveLength(3);
  });

  it("of numbers may be long, or have a fraction, or stand among words", () => {
    for (const values of [
      ["12345678901234567890", "12345678901234567891"],
      ["1.0", "1.1", "10"],
      ["0.0", "1.0"],
      ["1", "NaN", "other"],
      ["NaN", "yes"],
    ]) {
      expect(LabelSet.fromValues(values).names).toHaveLength(values.length);
    }
  });
});
