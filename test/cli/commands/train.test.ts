// Training as a user runs it. The folders made here are the models of the stories about evaluate and predict.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, errorsOf, inProcess, jsonLines, lastJson, run } from "../command.ts";
import { items, QUICK, SPIECE, temporaryFolder, writeCsv } from "../news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const json = (...parts: string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(...parts), "utf8")) as Record<string, unknown>;
afterAll(() => files.remove());

const SCORE = {
  loss: expect.any(Number),
  accuracy: expect.any(Number),
  precision: expect.any(Number),
  recall: expect.any(Number),
  f1: expect.any(Number),
  macroF1: expect.any(Number),
  seconds: expect.any(Number),
  samplesPerSecond: expect.any(Number),
};

describe("train --data FILE --json", () => {
  let ended: Ended;
  beforeAll(async () => {
    const data = writeCsv(path("news.csv"), items(0, 100));
    const args = ["--data", data, ...QUICK, "--max-steps", "11", "--output", path("from-scratch")];
    ended = await run(["train", ...args, "--json"]);
  });

  it("prints the results as its only line on stdout, equal to results.json", () => {
    expect(errorsOf(ended)).not.toContain("error");
    expect(ended.code).toBe(0);
    expect(ended.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(lastJson(ended.stdout)).toEqual(json(path("from-scratch"), "results.json"));
    expect(lastJson(ended.stdout)).toMatchObject({
      test: SCORE,
      validation: SCORE,
      steps: 11,
      adapter: { name: expect.any(String), backend: "vulkan", software: expect.any(Boolean) },
      labels: ["fake", "real"],
      sizes: { train: 70, validation: 15, test: 15 },
      arguments: { batchSize: 8, learningRate: 1e-3, warmupSteps: 2, maxLength: 32, maxSteps: 11 },
      output: path("from-scratch"),
    });
  });

  it("tells a person on stderr what it does", () => {
    for (const text of [
      "adapter      ",
      "suggested    --learning-rate 0.001 (for --config tiny; flags win)",
      "text         title + text",
      "train        70 rows (fake ",
      "validation   15 rows (fake ",
      "test         15 rows (fake ",
      "example      ",
      "parameters   133,698",
      "weighted avg",
      "confusion matrix",
      `wrote        ${path("from-scratch")}`,
    ]) {
      expect(ended.stderr).toContain(text);
    }
    expect(ended.stderr).toMatch(/epoch +train loss +valid loss +accuracy +precision +recall +f1/);
    const software = (lastJson(ended.stdout) as { adapter: { software: boolean } }).adapter
      .software;
    expect(ended.stderr.includes("a software adapter")).toBe(software);
  });

  it("logs the first step and every tenth, and each evaluation", () => {
    const { log } = lastJson(ended.stdout) as { log: Record<string, number>[] };
    // 70 rows are 9 batches: an evaluation after step 9, and one at the end.
    expect(log.map(({ step, loss }) => [step, loss === undefined ? "evaluation" : "step"])).toEqual(
      [
        [1, "step"],
        [9, "evaluation"],
        [10, "step"],
        [11, "evaluation"],
      ],
    );
  });

  it("leaves a model folder with nothing half written", () => {
    expect(readdirSync(path("from-scratch")).sort()).toEqual(
      expect.arrayContaining([
        "checkpoint-11",
        "checkpoint-9",
        "config.json",
        "model.safetensors",
        "results.json",
        "special_tokens_map.json",
        "spiece.model",
        "tokenizer_config.json",
      ]),
    );
    expect(readdirSync(path("from-scratch")).filter((name) => name.startsWith("."))).toEqual([]);
    expect(json(path("from-scratch"), "config.json")).toMatchObject({
      architectures: ["AlbertForSequenceClassification"],
      id2label: { 0: "fake", 1: "real" },
      label2id: { fake: 0, real: 1 },
    });
  });

  it("refuses to write into the same folder again, and touches nothing", async () => {
    const before = statSync(join(path("from-scratch"), "model.safetensors")).mtimeMs;
    const args = ["--data", path("news.csv"), ...QUICK, "--output", path("from-scratch")];
    const again = await inProcess("train", ...args);
    expect(again.code).toBe(1);
    expect(errorsOf(again)).toBe(
      `error: ${path("from-scratch")}: the output folder must be empty; it is not. Choose another --output, or --resume the run in it.`,
    );
    expect(statSync(join(path("from-scratch"), "model.safetensors")).mtimeMs).toBe(before);
  });
});

const classes = (from: number, to: number) =>
  items(from, to).map((item, i) => ({ ...item, label: ["satire", "fake", "real"][i % 3] }));

describe("train --train --validation --test", () => {
  it("keeps the sets as they are, with three classes named by strings", async () => {
    const sets = {
      train: writeCsv(path("three-train.csv"), classes(0, 30)),
      validation: writeCsv(path("three-validation.csv"), classes(30, 42)),
      test: writeCsv(path("three-test.csv"), classes(42, 51)),
    };
    const files3 = Object.entries(sets).flatMap(([name, file]) => [`--${name}`, file]);
    const args = [...files3, ...QUICK, "--max-steps", "2", "--output", path("three")];
    const { code, stdout } = await inProcess("train", ...args);
    expect(code).toBe(0);
    expect(stdout).toContain("train        30 rows (fake 10, real 10, satire 10)");
    expect(stdout).toContain("test         9 rows (fake 3, real 3, satire 3)");
    expect(json(path("three"), "results.json")).toMatchObject({
      labels: ["fake", "real", "satire"],
      sizes: { train: 30, validation: 12, test: 9 },
    });
    const said = await run(["predict", "--model", path("three"), sets.test]);
    const lines = jsonLines(said.stdout) as { label: string; probabilities: object }[];
    expect(lines).toHaveLength(9);
    expect(Object.keys(lines[0]!.probabilities)).toEqual(["fake", "real", "satire"]);
  });

  it("needs no test set, and scores the validation set as evaluate does", async () => {
    const train = writeCsv(path("two-train.csv"), items(0, 16));
    const args = ["--train", train, "--validation", train, "--max-steps", "2"];
    const ended = await inProcess("train", ...args, ...QUICK, "--output", path("two"), "--json");
    expect(ended.code).toBe(0);
    const { test, validation, sizes } = lastJson(ended.stdout) as {
      test: null;
      validation: Record<string, number>;
      sizes: object;
    };
    expect({ test, sizes }).toMatchObject({ test: null, sizes: { test: 0 } });
    const model = ["--model", path("two"), "--max-length", "32"];
    const scored = await inProcess("evaluate", ...model, "--data", train, "--json");
    expect(scored.code).toBe(0);
    const { seconds, samplesPerSecond, ...scores } = validation;
    expect(lastJson(scored.stdout)).toMatchObject({ ...scores, examples: 16 });
    expect(seconds! * samplesPerSecond!).toBeCloseTo(16, 6);
  });
});

describe("integer labels", () => {
  it("are named by --label-names, in the model and for evaluate", async () => {
    const numbered = items(0, 40).map((item) => ({
      ...item,
      label: item.label === "real" ? 1 : 0,
    }));
    const data = writeCsv(path("numbered.csv"), numbered);
    const args = ["--data", data, ...QUICK, "--max-steps", "2", "--output", path("named")];
    const trained = await inProcess("train", ...args, "--label-names", "0=fake,1=real");
    expect(trained.code).toBe(0);
    expect(json(path("named"), "config.json")).toMatchObject({
      id2label: { 0: "fake", 1: "real" },
    });

    const scored = async (...more: string[]) => {
      const ended = await inProcess(
        "evaluate",
        "--model",
        path("named"),
        "--data",
        data,
        "--json",
        ...more,
      );
      expect(ended.code).toBe(0);
      return lastJson(ended.stdout) as { accuracy: number };
    };
    const { accuracy } = await scored();
    expect((await scored("--label-names", "0=fake,1=real")).accuracy).toBe(accuracy);
    // The same model with the meaning of the numbers exchanged is right where it was wrong.
    const exchanged = await scored("--label-names", "0=real,1=fake");
    expect(exchanged.accuracy).toBeCloseTo(1 - accuracy, 12);
  });

  it("says which class a number was taken for", async () => {
    const args = ["--model", path("named"), "--data", path("numbered.csv")];
    const { stdout } = await inProcess("evaluate", ...args);
    expect(stdout).toContain(
      "labels       0 is fake, 1 is real, the model's numbers; --label-names says otherwise\n",
    );
    const other = await inProcess("evaluate", ...args, "--label-names", "0=real,1=fake");
    expect(other.stdout).toContain("labels       1 is fake, 0 is real\n");
  });

  it("cannot be given names that the model does not have", async () => {
    const args = ["--model", path("named"), "--data", path("numbered.csv")];
    const ended = await inProcess("evaluate", ...args, "--label-names", "0=fake,1=true");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(
      `--label-names must name the model's classes, fake, real; got "true".`,
    );
  });
});

describe("train --model DIR", () => {
  const steps = ["--max-length", "32", "--batch-size", "8", "--max-steps", "1"];

  it("goes on from a model's weights when its classes are the same", async () => {
    const data = writeCsv(path("more.csv"), items(100, 130));
    const args = ["--data", data, "--model", path("named"), ...steps, "--output", path("more")];
    const { code, stdout } = await inProcess("train", ...args);
    expect(code).toBe(0);
    expect(stdout).not.toContain("new weights");
    expect(stdout).not.toContain("suggested");
    // The first step of a warm-up has rate 0: the weights are still those of the model it began with.
    const weights = (folder: string) => readFileSync(join(path(folder), "model.safetensors"));
    expect(weights("more").equals(weights("named"))).toBe(true);
  });

  it("gets a new classifier, and says so, when the classes differ", async () => {
    const three = items(100, 136).map((item, i) => ({ ...item, label: ["a", "b", "c"][i % 3] }));
    const data = writeCsv(path("other.csv"), three);
    const args = ["--data", data, "--model", path("named"), ...steps, "--output", path("other")];
    const { code, stdout } = await inProcess("train", ...args);
    expect(code).toBe(0);
    expect(stdout).toContain("new weights  classifier.weight, classifier.bias (newly initialised");
    expect(json(path("other"), "config.json")).toMatchObject({ id2label: { 2: "c" } });
  });
});

describe("train --config FILE", () => {
  const shape = { embedding_size: 16, hidden_size: 32, num_attention_heads: 2 };
  const config = {
    model_type: "albert",
    ...shape,
    intermediate_size: 64,
    num_hidden_layers: 1,
    max_position_embeddings: 24,
  };

  it("takes the shape of a config.json, with the vocabulary of --tokenizer", async () => {
    writeFileSync(path("micro.json"), JSON.stringify(config));
    const args = ["--config", path("micro.json"), "--tokenizer", SPIECE, "--max-steps", "1"];
    const data = ["--data", path("news.csv"), "--output", path("micro")];
    const ended = await inProcess("train", ...args, ...data, "--json");
    expect(errorsOf(ended)).not.toContain("error:");
    // The default of 512 tokens is more than this model takes: its own limit holds.
    expect(lastJson(ended.stdout)).toMatchObject({ arguments: { maxLength: 24 } });
    const saved = json(path("micro"), "config.json");
    expect(saved).toMatchObject({ ...shape, id2label: { 0: "fake", 1: "real" } });
    expect(saved["vocab_size"]).not.toBe(30_000);
  });

  it("limits what evaluate and predict may ask for", async () => {
    const model = ["--model", path("micro"), "--max-length", "25"];
    for (const args of [
      ["evaluate", "--data", path("news.csv")],
      ["predict", path("news.csv")],
    ]) {
      const ended = await inProcess(...args, ...model);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain("--max-length must be at most 24");
    }
    expect(
      (await inProcess("evaluate", "--data", path("news.csv"), ...model.slice(0, 2))).code,
    ).toBe(0);
  });

  it("is refused by field when it has a value that is not supported", async () => {
    writeFileSync(path("bad.json"), JSON.stringify({ ...config, hidden_act: "swish" }));
    const args = ["--config", path("bad.json"), "--tokenizer", SPIECE, "--output", path("never")];
    const ended = await inProcess("train", "--data", path("news.csv"), ...args);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error: .*bad\.json: hidden_act .*swish.*\n$/);
    expect(existsSync(path("never"))).toBe(false);
  });
});
