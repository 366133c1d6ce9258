// The commands that say what a score is worth: explain, with its options and examples.

import type { Command } from "commander";
import { DEFAULT_ARGUMENTS as D } from "../train/index.ts";
import { explainCommand, type ExplainCommandOptions } from "./commands/explain.ts";
import { formatOptions, printJson } from "./options.ts";
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
    .requiredOption("--model <dir>", "folder of the model")
    .option("--data <file>", "texts to add up, instead: CSV, lines of text, or JSON lines")
    .option("--class <name>", "the class to explain (default: the one each text is given)")
    .option("--html <file>", "write a page too, that needs no network")
    .option("--text-columns <a,b>", "columns of a CSV file, joined with a blank", value.columns)
    .option(
      "--delimiter <c>",
      "field separator of a CSV file, or tab (default: comma; tab for .tsv)",
      value.delimiter,
    )
    .option(
      "--max-length <n>",
      `tokens per text, longer ones are cut (default: ${D.maxLength}, or the model's limit)`,
      value.length,
    )
    .option("--limit <n>", "texts of --data, drawn at random; 0: all (default: 200)", value.count)
    .option("--seed <n>", "for that", value.integer, D.seed)
    .option("--top <n>", "words to show for each class", value.natural, 20)
    .option("--min-texts <n>", "texts of --data a word must stand in", value.natural, 3)
    .option("--batch-size <n>", "gradients taken at once", value.natural, 16)
    .option("--max-points <n>", "gradients per text at most", value.natural, 1024)
    .option("--adapter <text>", "part of the name of the GPU to use, as `doctor` shows it")
    .option("--json", "print a JSON line per text, or one for --data", false)
    .option("--debug", "show stack traces");
  formatOptions(command)
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
        const results = await explainCommand({ ...options, input, output: process.stdout });
        if (results) printJson(options.json, results);
      },
    );
}
