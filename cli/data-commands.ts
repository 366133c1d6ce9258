// The commands that need no model: audit, clean, split, import-isot, with their options and examples.

import type { Command } from "commander";
import { DEFAULT_ARGUMENTS as D } from "../train/index.ts";
import type { AuditCommandOptions } from "./commands/audit.ts";
import type { CleanOptions } from "./commands/clean.ts";
import type { ImportIsotOptions } from "./commands/import-isot.ts";
import type { SplitOptions } from "./commands/split.ts";
import { dataOptions, formatOptions, printJson } from "./options.ts";
import * as value from "./values.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Adds `audit`. */
export function audit(program: Command): void {
  const command = program
    .command("audit")
    .summary("look for copies, contradictions and shortcuts in a data set")
    .description(
      "Shows sizes and lengths, copies inside and across sets, texts with two labels, and the single questions about a row that tell its class. Reads CSV, TSV and JSONL.",
    )
    .argument("[file]", "one labelled file")
    .option("--train <file>", "or a training set")
    .option("--validation <file>", "with its validation set")
    .option("--test <file>", "and test set")
    .option("--model <dir>", "count tokens with the tokenizer of a model: a folder or a hub id")
    .option("--tokenizer <file>", "or with a SentencePiece model file")
    .option("--max-length <n>", "tokens where texts are cut", value.length, D.maxLength)
    .option("--json", "print the whole report as one line on stdout", false)
    .option("--debug", "show stack traces");
  formatOptions(dataOptions(command))
    .addHelpText(
      "after",
      `
Examples:
  $ albert-gpu audit news.csv --text-columns title,text
  $ albert-gpu audit --train train.csv --validation val.csv --test test.csv --model albert/albert-base-v2`,
    )
    .action(async (file: string | undefined, options: Omit<AuditCommandOptions, "file">) =>
      printJson(
        options.json,
        await (await import("./commands/audit.ts")).auditCommand({ ...options, file }),
      ),
    );
}

/** Adds `clean`. */
export function clean(program: Command): void {
  const command = program
    .command("clean")
    .summary("write a copy of a data file without what gives its classes away")
    .description(
      "Applies the rules named, in this order, and says how many rows each touched. Reads CSV, TSV or JSONL; writes CSV.",
    )
    .argument("<file>", "CSV, TSV or JSONL file")
    .requiredOption("--output <file>", "CSV file to write")
    .option("--drop-dateline", 'cut a dateline at the start of a text: "PLACE (Reuters) - "')
    .option("--strip-urls", "cut links, with the blanks before them")
    .option("--fold-quotes", "turn curly and angle quotes into straight ones")
    .option("--trim", "cut blanks at both ends of every cell")
    .option("--drop-empty", "leave out rows whose text is blank")
    .option(
      "--drop-duplicates",
      "leave out texts that differ from an earlier one in case or punctuation at most",
    )
    .option("--text-columns <a,b>", "columns that make up the text", value.columns)
    .option(
      "--delimiter <c>",
      "field separator of FILE, or tab (default: comma; tab for .tsv)",
      value.delimiter,
    )
    .option("--force", "replace the output file", false)
    .option("--json", "print the counts as one line on stdout", false)
    .option("--debug", "show stack traces");
  formatOptions(command)
    .addHelpText(
      "after",
      "\nExample:\n  $ albert-gpu clean news.csv --output clean.csv --drop-dateline --fold-quotes --trim --drop-duplicates",
    )
    .action(async (file: string, options: Omit<CleanOptions, "file" | "print">) =>
      printJson(
        options.json,
        await (await import("./commands/clean.ts")).cleanCommand({ ...options, file, print }),
      ),
    );
}

/** Adds `split`. */
export function split(program: Command): void {
  const command = program
    .command("split")
    .summary("cut a data file into training, validation and test files")
    .description(
      "Writes FILE.train.csv, FILE.validation.csv and FILE.test.csv beside a file of CSV, TSV or JSON lines.",
    )
    .argument("<file>", "CSV, TSV or JSONL file")
    .option(
      "--ratios <a:b:c>",
      "training, validation, test; 0 writes no file",
      value.ratios,
      [70, 15, 15],
    )
    .option("--stratify <column>", "column to keep in the same proportions (default: none)")
    .option("--seed <n>", "for the random split", value.integer, D.seed)
    .option("--group-duplicates", "keep copies and near-duplicates of a text in one set", false)
    .option("--text-columns <a,b>", "columns whose text is compared for that", value.columns)
    .option(
      "--delimiter <c>",
      "field separator, or tab (default: comma; tab for .tsv)",
      value.delimiter,
    )
    .option("--force", "replace files of an earlier split", false)
    .option("--debug", "show stack traces");
  formatOptions(command)
    .addHelpText(
      "after",
      "\nExample:\n  $ albert-gpu split news.csv --ratios 70:15:15 --stratify label --group-duplicates --seed 42",
    )
    .action(
      async (
        file: string,
        options: Omit<SplitOptions, "file" | "stratify" | "print"> & { stratify?: string },
      ) =>
        (await import("./commands/split.ts")).splitCommand({
          ...options,
          file,
          stratify: options.stratify ?? null,
          print,
        }),
    );
}

/** Adds `import-isot`. */
export function importIsot(program: Command): void {
  program
    .command("import-isot")
    .summary("make training, validation and test files from ISOT's True.csv and Fake.csv")
    .description(
      "Writes train.csv, validation.csv and test.csv (70:15:15) with the columns title, enhanced_cleaned_text and label (0 fake, 1 real).",
    )
    .argument("<true>", "ISOT's True.csv")
    .argument("<fake>", "ISOT's Fake.csv")
    .requiredOption("--output <dir>", "folder for the three files")
    .option(
      "--drop-duplicates",
      "leave out texts that differ from an earlier one in case or punctuation at most",
      false,
    )
    .option("--drop-blanks", "leave out rows whose text is blank", false)
    .option("--group-duplicates", "keep copies and near-duplicates of an article in one set", false)
    .option("--seed <n>", "for the random split", value.integer, D.seed)
    .option("--force", "replace files of an earlier import", false)
    .option("--json", "print the counts as one line on stdout", false)
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      "\nExample:\n  $ albert-gpu import-isot True.csv Fake.csv --output isot --drop-duplicates --drop-blanks",
    )
    .action(
      async (
        real: string,
        fake: string,
        options: Omit<ImportIsotOptions, "real" | "fake" | "print">,
      ) =>
        printJson(
          options.json,
          await (
            await import("./commands/import-isot.ts")
          ).importIsotCommand({ ...options, real, fake, print }),
        ),
    );
}
