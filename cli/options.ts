// Options that several commands share, and how a command gives its --json result.

import type { Command } from "commander";
import * as value from "./values.ts";

/** Writes a result as one line on stdout, if --json was given. */
export function printJson(json: boolean, results: object): void {
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

/** What every command with a device takes. */
export function common(command: Command): Command {
  return command
    .option(
      "--adapter <text>",
      "part of the driver's own name for the GPU, case-sensitive; a wrong one lists them",
    )
    .option("--debug", "show stack traces");
}

/** Which columns of a labelled file hold what. @param texts the columns a text is made of where none are named */
export function dataOptions(
  command: Command,
  texts = "title and a body column, or one text column",
): Command {
  return command
    .option(
      "--text-columns <a,b>",
      `columns joined with a blank (default: ${texts})`,
      value.columns,
    )
    .option("--label-column <name>", "column with the class (default: label)")
    .option("--label-names <0=fake,1=real>", "names for the file's label values", value.labelNames)
    .option(
      "--delimiter <c>",
      "field separator, or tab (default: comma; tab for .tsv)",
      value.delimiter,
    );
}

/** Which columns of a CSV input make up a text, and where it is cut. */
export function inputOptions(command: Command): Command {
  return lengthOption(
    command
      .option(
        "--text-columns <a,b>",
        "columns of CSV or JSON lines, joined with a blank (default: as in training)",
        value.columns,
      )
      .option(
        "--delimiter <c>",
        "field separator of a CSV file, or tab (default: comma; tab for .tsv)",
        value.delimiter,
      ),
  );
}

/** Where a trained model cuts texts. */
export function lengthOption(command: Command): Command {
  return command.option(
    "--max-length <n>",
    "tokens per text, longer ones are cut (default: as in training)",
    value.length,
  );
}

/** How a file is written that is no RFC 4180 file. */
export function formatOptions(command: Command): Command {
  return command
    .option("--no-quotes", "a quote is a character like any other, as in LIAR's raw files")
    .option("--columns <a,b>", "column names of a file without a header row", value.columns);
}
