import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inProcess, run } from "./command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "./news.ts";

describe("help", () => {
  const commands = [
    "train",
    "evaluate",
    "predict",
    "report",
    "tokenize",
    "audit",
    "clean",
    "split",
    "import-isot",
    "doctor",
  ];

  it("lists every command", async () => {
    const { code, stdout } = await inProcess("--help");
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
  });

  it.each(commands)("of %s has an example of it", async (command) => {
    const { code, stdout } = await inProcess(command, "--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\n(.*\n)*.*\\$ .*albert-gpu ${command}`));
  });

  it("names an option for each hyper-parameter of the reference, with its value as the default", async () => {
    const { stdout } = await inProcess("train", "--help");
    const help = stdout.replaceAll(/\s+/g, " ");
    const defaults = {
      "--epochs <n>": "5",
      "--batch-size <n>": "16",
      "--eval-batch-size <n>": "64",
      "--learning-rate <x>": "0.00005",
      "--warmup-steps <n>": "500",
      "--weight-decay <x>": "0.01",
      "--max-length <n>": "512",
      "--seed <n>": "42",
      "--early-stopping-patience <n>": "2",
      "--metric <name>": "f1",
      "--logging-steps <n>": "10",
      "--max-grad-norm <x>": "1",
      "--gradient-accumulation-steps <n>": "1",
    };
    for (const [option, value] of Object.entries(defaults)) {
      const [, text = ""] = help.split(` ${option} `);
      expect(text, option).toMatch(
        new RegExp(`^[^(]*\\(default: ${value.replace(".", "\\.")}[,)]`),
      );
    }
  });

  it("goes to stderr with exit code 2 when no command is given", async () => {
    const { code, stdout, stderr } = await run([]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Commands:");
  });

  it("comes with the version", async () => {
    const { code, stdout } = await run(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("a command line that cannot be carried out", () => {
  let files: ReturnType<typeof temporaryFolder>;
  let data: string;
  beforeAll(() => {
    files = temporaryFolder();
    data = writeCsv(join(files.folder, "news.csv"), items(0, 30));
  });
  afterAll(() => files.remove());

  it.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["train", "--nonsense"], "unknown option '--nonsense'"],
    [["evaluate", "--data", "x.csv"], "'--model <dir>' not specified"],
    [["predict"], "'--model <dir>' not specified"],
    [["train"], "data is needed: --data FILE"],
    [["train", "--train", "a.csv"], "data is needed"],
    [["train", "--data", "a.csv", "--train", "b.csv"], "either --data, or --train"],
    [["train", "--data", "a.csv"], "either --model DIR (fine-tune) or --config"],
    [["train", "--data", "a.csv", "--model", "m", "--config", "tiny"], "either --model DIR"],
    [["train", "--data", "a.csv", "--config", "tiny"], "--config needs --tokenizer"],
    [["train", "--data", "a.csv", "--model", "m", "--tokenizer", "t"], "leave --tokenizer out"],
    [["tokenize"], "either --model DIR or --tokenizer FILE"],
    [["audit"], "audit: data is needed"],
    [["audit", "a.csv", "--train", "b.csv"], "either FILE, or --train"],
    [["audit", "a.csv", "--model", "m", "--tokenizer", "t"], "either --model DIR or --tokenizer"],
    [["clean", "a.csv", "--output", "b.csv"], "at least one rule is needed: --drop-dateline"],
    [["import-isot", "True.csv", "--output", "b"], "missing required argument 'fake'"],
    [["split"], "missing required argument 'file'"],
    [["split", "a.csv", "--text-columns", "a"], "goes with --group-duplicates"],
    [
      ["baseline", "--run", "r", "--seed", "1", "--label-names", "0=a,1=b", "--no-quotes"],
      "whose data are taken as they were, or data; got --seed, --label-names, --no-quotes too.",
    ],
    [["baseline", "--run", "r", "--text-columns", "a"], "got --text-columns too."],
    [
      ["predict", "--model", "m", "t.txt", "--delimiter", ";", "--columns", "a,b"],
      "predict: --delimiter, --columns must go with a .csv or .tsv file, or with --text-columns; got lines of text.",
    ],
    [["predict", "--model", "m", "--no-quotes"], "--no-quotes must go with a .csv"],
    [
      ["explain", "--model", "m", "--data", "t.jsonl", "--delimiter", ";"],
      "explain: --delimiter must go with a .csv",
    ],
    [
      ["explain", "--model", "m", "t.jsonl", "--top", "3", "--min-texts", "5", "--seed", "3"],
      "explain: --seed, --top, --min-texts must go with --data FILE; got none.",
    ],
    [
      ["serve", "--model", "m", "--timeout", "2147484"],
      "--timeout <s>' argument '2147484' is invalid. it must be at most 2147483.",
    ],
    [
      ["serve", "--model", "m", "--max-waiting", "2"],
      "serve: --max-waiting must be at least --max-texts, 64; got 2.",
    ],
    [
      ["train", "--seed", "99999999999999999999"],
      "it must be no further from 0 than 9007199254740991.",
    ],
    [["train", "--max-steps", "99999999999999999999"], "it must be no further from 0 than 9"],
    [["train", "--learning-rate", "1e400"], "it must be at most 1.7976931348623157e+308."],
    [["train", "--learning-rate", "-1"], "it must be a number above 0."],
    [["train", "--text-columns", "text,text"], "it must name each column once."],
    [
      ["train", "--data", "a.jsonl", "--config", "tiny", "--delimiter", ";", "--no-quotes"],
      "train: --delimiter, --no-quotes must go with CSV or TSV files; got JSON lines.",
    ],
    [
      ["evaluate", "--model", "m", "--data", "a.jsonl", "--no-quotes"],
      "evaluate: --no-quotes must go with CSV or TSV files; got JSON lines.",
    ],
    [
      ["audit", "--train", "a.jsonl", "--test", "b.jsonl", "--columns", "text,label"],
      "audit: --columns must go with CSV or TSV files; got JSON lines.",
    ],
    [
      ["clean", "a.jsonl", "--output", "b.csv", "--trim", "--no-quotes"],
      "clean: --no-quotes must go with CSV or TSV files; got JSON lines.",
    ],
    [
      ["split", "a.jsonl", "--delimiter", ";"],
      "split: --delimiter must go with CSV or TSV files; got JSON lines.",
    ],
    [
      ["predict", "--model", "m", "a.jsonl", "--text-columns", "b", "--delimiter", ";"],
      "predict: --delimiter must go with a .csv or .tsv file; got JSON lines.",
    ],
    [
      ["clean", "a.csv", "--output", "b.JSONL", "--trim"],
      "clean: --output must not end in .jsonl, because what is written is CSV; got b.JSONL.",
    ],
    [
      ["predict", "--model", ""],
      '--model: must be a folder or a hub id, as albert/albert-base-v2; got "".',
    ],
    [["split", "a.csv", "--ratios", "70:15"], "--ratios <a:b:c>"],
    [["split", "a.csv", "--ratios", "70::30"], "--ratios <a:b:c>"],
    [["split", "a.csv", "--ratios", "0:50:50"], "--ratios <a:b:c>"],
  ])("ends with exit code 2: %j", async (args, message) => {
    const { code, stdout, stderr } = await inProcess(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it.each([
    ["--epochs", "0"],
    ["--epochs", "1.5"],
    ["--batch-size", "8k"],
    ["--eval-batch-size", "-1"],
    ["--learning-rate", "0"],
    ["--learning-rate", "NaN"],
    ["--learning-rate", "Infinity"],
    ["--warmup-steps", "-1"],
    ["--weight-decay", "-0.1"],
    ["--max-length", "2"],
    ["--max-length", "513"],
    ["--max-length", "70000"],
    ["--seed", "x"],
    ["--early-stopping-patience", "1.5"],
    ["--metric", "auc"],
    ["--logging-steps", "0"],
    ["--max-grad-norm", "-1"],
    ["--gradient-accumulation-steps", "0"],
    ["--max-steps", "0"],
    ["--save-total-limit", "0"],
    ["--text-columns", "title,,text"],
    ["--label-names", "0"],
    ["--label-names", "0=fake,0=real"],
    ["--label-names", "0=fake,1=fake"],
    ["--delimiter", '"'],
    ["--delimiter", ",,"],
    ["--config", "giant"],
    ["--config", "toString"],
  ])("is named before any work: %s %s", async (option, value) => {
    const output = join(files.folder, "never");
    const args = ["train", "--data", data, ...QUICK, "--output", output, option, value];
    const { code, stderr } = await inProcess(...args);
    expect(stderr).toContain(option);
    expect(stderr).toContain(value);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
    expect(existsSync(output)).toBe(false);
  });
});
