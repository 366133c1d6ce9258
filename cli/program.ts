// Every command with its options, their checks and examples. What a command is made of is loaded when it runs.

import { Command } from "commander";
import { PRESETS } from "../model/index.ts";
import {
  DEFAULT_ARGUMENTS as D,
  ACTIVATION_CHECKPOINTING,
  METRICS,
  PRECISIONS,
  REPORT_TO,
} from "../train/index.ts";
import type { DoctorOptions } from "./commands/doctor.ts";
import type { EvaluateOptions } from "./commands/evaluate.ts";
import type { PredictOptions } from "./commands/predict.ts";
import type { TrainOptions } from "./commands/train.ts";
import { audit, clean, importIsot, split } from "./data-commands.ts";
import { baseline, compare, explain } from "./insight-commands.ts";
import { UsageError } from "./errors.ts";
import { modelFolder } from "./model-folder.ts";
import {
  common,
  dataOptions,
  formatOptions,
  inputOptions,
  lengthOption,
  printJson,
} from "./options.ts";
import { Printer } from "./printer.ts";
import { shellCommand } from "./run-results.ts";
import { serve } from "./serve-command.ts";
import * as value from "./values.ts";

function train(program: Command, { args, version }: Invocation): void {
  const command = program
    .command("train")
    .summary("fine-tune a model, or train one from scratch")
    .description(
      "Trains an ALBERT text classifier on CSV, TSV or JSON lines files and writes a model folder that transformers reads too.",
    )
    .option("--data <file>", "one labelled file, split 70:15:15 by label")
    .option("--train <file>", "training set (with --validation)")
    .option("--validation <file>", "validation set: scored after each epoch")
    .option("--test <file>", "test set: scored once, at the end")
    .option(
      "--model <dir>",
      "folder of the model to fine-tune, or its hub id, as albert/albert-base-v2",
    )
    .option(
      "--config <name|file>",
      `train from scratch: ${Object.keys(PRESETS).join(", ")}, or a config.json`,
    )
    .option("--tokenizer <file>", "SentencePiece model, with --config")
    .option("--output <dir>", "folder for checkpoints and the result", "albert-output");
  formatOptions(dataOptions(command))
    .option("--epochs <n>", `passes over the training set (default: ${D.epochs})`, value.natural)
    .option("--batch-size <n>", `examples per batch (default: ${D.batchSize})`, value.natural)
    .option(
      "--eval-batch-size <n>",
      `examples per batch in evaluation (default: ${D.evalBatchSize})`,
      value.natural,
    )
    .option(
      "--learning-rate <x>",
      `peak learning rate (default: ${D.learningRate}, or the preset's)`,
      value.positive,
    )
    .option(
      "--warmup-steps <n>",
      `steps of linear warm-up (default: ${D.warmupSteps}, or the preset's)`,
      value.count,
    )
    .option(
      "--weight-decay <x>",
      `decoupled weight decay (default: ${D.weightDecay})`,
      value.amount,
    )
    .option(
      "--max-length <n>",
      `tokens per text, longer ones are cut (default: ${D.maxLength}, or the model's limit)`,
      value.length,
    )
    .option(
      "--pad-to-max-length",
      "pad every text to --max-length, as the reference does, instead of packing them",
    )
    .option(
      "--seed <n>",
      `for split, order, dropout and new weights (default: ${D.seed})`,
      value.integer,
    )
    .option(
      "--early-stopping-patience <n>",
      `evaluations without a better --metric; 0: never stop (default: ${D.earlyStoppingPatience})`,
      value.count,
    )
    .option(
      "--metric <name>",
      `chooses the best model: ${METRICS.join(", ")} (default: ${D.metric})`,
      value.oneOf(METRICS),
    )
    .option(
      "--logging-steps <n>",
      `steps between log entries (default: ${D.loggingSteps})`,
      value.natural,
    )
    .option(
      "--max-grad-norm <x>",
      `clips the gradient; 0: no clipping (default: ${D.maxGradNorm})`,
      value.amount,
    )
    .option(
      "--gradient-accumulation-steps <n>",
      `batches per optimiser step (default: ${D.gradientAccumulationSteps})`,
      value.natural,
    )
    .option("--max-steps <n>", "optimiser steps in all, instead of --epochs", value.natural)
    .option(
      "--save-total-limit <n>",
      "checkpoints to keep besides the best (default: all)",
      value.natural,
    )
    .option(
      "--report-to <name>",
      `where the log goes besides log.jsonl: ${REPORT_TO.join(", ")} (default: ${D.reportTo})`,
      value.oneOf(REPORT_TO),
    )
    .option(
      "--precision <name>",
      `operands of matrix products: ${PRECISIONS.join(", ")} (default: ${D.precision}); sums and weights are f32`,
      value.oneOf(PRECISIONS),
    )
    .option(
      "--activation-checkpointing <when>",
      `keep only the input of each layer and compute it twice: ${ACTIVATION_CHECKPOINTING.join(", ")} (default: ${D.activationCheckpointing}, where memory is short); same results`,
      value.oneOf(ACTIVATION_CHECKPOINTING),
    )
    .option(
      "--tuning <off|auto|file>",
      "matmul kernels of a GPU: timed once per adapter and kept, by rule, or as a tuning.json says",
      "auto",
    )
    .option("--dry-run", "do a few steps, print time and memory, and write nothing", false)
    .option("--resume", "go on from the last checkpoint in --output", false)
    .option("--json", "print the results as the last line on stdout", false);
  common(command)
    .addHelpText(
      "after",
      `
Examples:
  $ albert-gpu train --data news.csv --model albert/albert-base-v2 --output run
  $ albert-gpu train --train train.csv --validation val.csv --test test.csv --text-columns tweet \\
      --config mini --tokenizer spiece.model --max-length 64 --epochs 3
  $ albert-gpu train --data news.csv --model albert/albert-base-v2 --output run --resume`,
    )
    .action(async (options: Omit<TrainOptions, "command" | "version">) => {
      const command = shellCommand(args);
      printJson(
        options.json,
        await (await import("./commands/train.ts")).trainCommand({ ...options, command, version }),
      );
    });
}

function evaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .summary("score a model on a labelled file")
    .description(
      "Scores a saved model on a labelled CSV, TSV or JSON lines file. By default its text is made of the columns the model was trained on.",
    )
    .requiredOption("--model <dir>", "folder of the model, or its hub id")
    .requiredOption("--data <file>", "labelled file");
  lengthOption(command)
    .option("--batch-size <n>", "examples per batch", value.natural, D.evalBatchSize)
    .option("--json", "print the results as one line on stdout", false);
  common(formatOptions(dataOptions(command, "as in training")))
    .addHelpText("after", "\nExample:\n  $ albert-gpu evaluate --model run --data test.csv --json")
    .action(async (options: EvaluateOptions) =>
      printJson(
        options.json,
        await (await import("./commands/evaluate.ts")).evaluateCommand(options),
      ),
    );
}

function predict(program: Command): void {
  const command = program
    .command("predict")
    .summary("classify texts")
    .description(
      "Classifies the texts of a CSV file (.csv, .tsv, or with --text-columns), of JSON lines, or lines of text. CSV and JSON give the columns of training. Writes a JSON line per text, in order.",
    )
    .argument("[file]", "input; - is standard input", "-")
    .requiredOption("--model <dir>", "folder of the model, or its hub id")
    .option("--batch-size <n>", "texts per batch", value.natural, 16);
  common(formatOptions(inputOptions(command)))
    .addHelpText(
      "after",
      `
Examples:
  $ echo "Senate passes budget after long debate" | albert-gpu predict --model run
  $ albert-gpu predict --model run articles.csv --text-columns title,text > verdicts.jsonl`,
    )
    .action(async (input: string, options: Omit<PredictOptions, "input" | "output">) =>
      (await import("./commands/predict.ts")).predictCommand({
        ...options,
        input,
        output: process.stdout,
      }),
    );
}

function report(program: Command): void {
  program
    .command("report")
    .summary("show the report of a finished training run")
    .description(
      "Prints what report.html of a run says, and draws it, curves.png and confusion-matrix.png again.",
    )
    .argument("<dir>", "the --output of the run")
    .option("--json", "print the report's data as one line on stdout", false)
    .option("--debug", "show stack traces")
    .addHelpText("after", "\nExample:\n  $ albert-gpu report run")
    .action(async (folder: string, options: { json: boolean }) =>
      printJson(
        options.json,
        await (await import("./commands/report.ts")).reportCommand({ folder, ...options }),
      ),
    );
}

function tokenize(program: Command): void {
  program
    .command("tokenize")
    .summary("turn texts into token ids")
    .description(
      'Reads a text, or a JSON object with a text column, a line from standard input; writes {"ids": [...]} lines.',
    )
    .option("--model <dir>", "folder of the model, or its hub id")
    .option("--tokenizer <file>", "or a SentencePiece model file")
    .option("--max-length <n>", "tokens per text, longer ones are cut", value.length, D.maxLength)
    .option("--debug", "show stack traces")
    .addHelpText("after", '\nExample:\n  $ echo "Hello world" | albert-gpu tokenize --model run')
    .action(async (options: { model?: string; tokenizer?: string; maxLength: number }) => {
      if ((options.model === undefined) === (options.tokenizer === undefined)) {
        throw new UsageError("tokenize: give either --model DIR or --tokenizer FILE.");
      }
      await (
        await import("./commands/tokenize.ts")
      ).tokenizeCommand({
        tokenizer:
          options.tokenizer ?? (await modelFolder(new Printer(true), options.model!, "tokenizer")),
        maxLength: options.maxLength,
        input: process.stdin,
        output: process.stdout,
      });
    });
}

function doctor(program: Command): void {
  common(
    program
      .command("doctor")
      .summary("show the GPU and test it")
      .description(
        "Shows the adapter, its limits and features, and checks a product it computes against the CPU.",
      )
      .option("--fix", "when no adapter works, install or unpack a software driver", false)
      .option("--json", "print the findings as one line on stdout", false),
  )
    .addHelpText("after", "\nExample:\n  $ albert-gpu doctor --fix")
    .action(async (options: DoctorOptions) =>
      printJson(options.json, await (await import("./commands/doctor.ts")).doctorCommand(options)),
    );
}

/** The command line as it was given. */
interface Invocation {
  readonly args: readonly string[];
  readonly version: string;
}

/** The whole command line. Usage errors are thrown, not exits. */
export function buildProgram(version: string, args: readonly string[]): Command {
  const program = new Command("albert-gpu")
    .description("Fine-tunes ALBERT text classifiers on any GPU that WebGPU reaches.")
    .version(version)
    .showHelpAfterError("(add --help for the options)")
    .exitOverride();
  const models = [train, evaluate, predict, serve, explain, report, baseline, compare, tokenize];
  const data = [audit, clean, split, importIsot];
  for (const add of [...models, ...data, doctor]) add(program, { args, version });
  for (const command of program.commands)
    command.exitOverride().showHelpAfterError("(add --help for the options)");
  return program;
}
