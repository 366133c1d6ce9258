// The commands that say what a score is worth: explain, baseline and compare, with their options and examples.

import type { Command } from "commander";
import { DEFAULT_ARGUMENTS as D } from "../train/index.ts";
import type { BaselineOptions } from "./commands/baseline.ts";
import type { CompareOptions } from "./commands/compare.ts";
import type { ExplainCommandOptions } from "./commands/explain.ts";
import { common, dataOptions, formatOptions, inputOptions, printJson } from "./options.ts";
import * as value from "./values.ts";

/** Adds `explain`. */
export function explain(program: Command): void {
  const command = program
    .command("explain")
    .summary("show which words made a model say so")
    .description(
      "Attributes a model's verdicts to the words of the texts by integrated gradients. Reads texts as predict does and shows each one; with --data it adds up a set and shows the words that push each class most.",
    )
    .argument("[file]", "texts to show one by one; - is standard input, and the default")
    .requiredOption("--model <dir>", "folder of the model, or its hub id")
    .option("--data <file>", "texts to add up, instead: CSV, lines of text, or JSON lines")
    .option("--class <name>", "the class to explain (default: the one each text is given)")
    .option("--html <file>", "write a page too, that needs no network")
    .option("--limit <n>", "texts of --data, drawn at random; 0: all (default: 200)", value.count)
    .option("--seed <n>", `for that (default: ${D.seed})`, value.integer)
    .option("--top <n>", "words of --data to show for each class (default: 20)", value.natural)
    .option("--min-texts <n>", "texts of --data a word must stand in (default: 3)", value.natural)
    .option("--batch-size <n>", "gradients taken at once", value.natural, 16)
    .option("--max-points <n>", "gradients per text at most", value.natural, 1024)
    .option("--json", "print a JSON line per text, or one for --data", false);
  common(formatOptions(inputOptions(command)))
    .addHelpText(
      "after",
      `
Examples:
  $ echo "Senate passes budget after long debate" | albert-gpu explain --model run
  $ albert-gpu explain --model run article.txt --html article.html
  $ albert-gpu explain --model run --data test.csv --limit 500`,
    )
    .action(
      async (
        input: string | undefined,
        options: Omit<ExplainCommandOptions, "input" | "output">,
      ) => {
        const results = await (
          await import("./commands/explain.ts")
        ).explainCommand({ ...options, input, output: process.stdout });
        if (results) printJson(options.json, results);
      },
    );
}

/** Adds `baseline`. */
export function baseline(program: Command): void {
  const command = program
    .command("baseline")
    .summary("score a bag of words on the same data, to be beaten")
    .description(
      "Trains a logistic regression on words and pairs of words (TF-IDF) with the split that train makes, scores it on the test set, and says whether a finished run beats it.",
    )
    .option("--run <dir>", "a finished training run: its data are taken, and it is compared")
    .option("--data <file>", "or one file, split 70:15:15 by label as train does")
    .option("--train <file>", "or a training set (with --validation)")
    .option("--validation <file>", "validation set: chooses --c")
    .option("--test <file>", "test set: scored once, at the end")
    .option("--output <dir>", "folder for the result (default: DIR/baseline, or albert-baseline)")
    .option("--seed <n>", `of the split (default: ${D.seed})`, value.integer)
    .option(
      "--c <x>",
      "weight of the data against the penalty (default: 1, 10 or 100, by F1 on the validation set)",
      value.positive,
    )
    .option("--top <n>", "words to show for each class", value.natural, 15)
    .option("--json", "print the results as the last line on stdout", false)
    .option("--debug", "show stack traces");
  formatOptions(dataOptions(command))
    .addHelpText(
      "after",
      `
Examples:
  $ albert-gpu baseline --run run
  $ albert-gpu baseline --data news.csv --text-columns title,text --output baseline`,
    )
    .action(async ({ c, ...options }: Omit<BaselineOptions, "C"> & { c?: number }) =>
      printJson(
        options.json,
        await (await import("./commands/baseline.ts")).baselineCommand({ ...options, C: c }),
      ),
    );
}

/** Adds `compare`. */
export function compare(program: Command): void {
  program
    .command("compare")
    .summary("table runs, and say whether they differ by more than chance")
    .description(
      "Tables runs that were scored on the same test set, with McNemar's exact test and bootstrap intervals of the F1 differences.",
    )
    .argument("<dir...>", "folders of train or baseline")
    .option("--seed <n>", "of the bootstrap", value.integer, D.seed)
    .option("--json", "print the table as one line on stdout", false)
    .option("--debug", "show stack traces")
    .addHelpText("after", "\nExample:\n  $ albert-gpu compare run-tiny run-mini run-mini/baseline")
    .action(async (folders: string[], options: Omit<CompareOptions, "folders">) =>
      printJson(
        options.json,
        await (await import("./commands/compare.ts")).compareCommand({ ...options, folders }),
      ),
    );
}
