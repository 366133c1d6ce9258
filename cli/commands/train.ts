// `albert-gpu train`: from CSV files to a model folder, with everything a person wants to know on the way.

import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, type Gpu, Random } from "../../engine/index.ts";
import {
  AlbertForSequenceClassification,
  isExpectedUnused,
  loadConfig,
  loadPretrained,
  labelFields,
  type PresetName,
  PRESETS,
  presetConfig,
  savePretrained,
  Tokenizer,
} from "../../model/index.ts";
import {
  checkArguments,
  DEFAULT_ARGUMENTS,
  evaluate,
  type Evaluation,
  type LabelledSet,
  type LabelSet,
  lockRun,
  Trainer,
  type TrainingArguments,
  type TrainingOutcome,
} from "../../train/index.ts";
import { type DataOptions, loadSets, requireFile, type Sets, tokenizeSet } from "../data.ts";
import { adapterFacts, openAndTell } from "../device.ts";
import { Interrupted, UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";
import { duration, excerpt, Printer } from "../printer.ts";
import { printEvaluation, printMistakes, scores, type ScoreObject } from "../scores.ts";
import { trainingObserver } from "../training-observer.ts";

export interface TrainOptions extends DataOptions, Partial<TrainingArguments> {
  readonly model?: string | undefined;
  readonly config?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly output: string;
  readonly resume: boolean;
  readonly adapter?: string | undefined;
  readonly json: boolean;
}

/** What results.json holds, and --json prints. */
export interface TrainResults {
  readonly test: ScoreObject | null;
  readonly validation: ScoreObject;
  readonly steps: number;
  readonly bestStep: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly adapter: ReturnType<typeof adapterFacts>;
  readonly parameters: number;
  readonly labels: readonly string[];
  readonly sizes: { readonly train: number; readonly validation: number; readonly test: number };
  readonly arguments: TrainingArguments;
  readonly stoppedEarly: boolean;
  readonly output: string;
  readonly log: TrainingOutcome["state"]["log"];
}

/** Throws UsageError for options that do not go together, before any work. */
function checkOptions(options: TrainOptions): void {
  const { data, train, validation, test, model, config, tokenizer } = options;
  if (data !== undefined && (train ?? validation ?? test) !== undefined) {
    throw new UsageError("train: give either --data, or --train and --validation; got both.");
  }
  if (data === undefined && (train === undefined || validation === undefined)) {
    throw new UsageError(
      "train: data is needed: --data FILE, or --train FILE --validation FILE [--test FILE].",
    );
  }
  if ((model === undefined) === (config === undefined)) {
    throw new UsageError(
      "train: give either --model DIR (fine-tune) or --config NAME (train from scratch); see `albert-gpu train --help`.",
    );
  }
  if (config !== undefined && tokenizer === undefined) {
    throw new UsageError("train: --config needs --tokenizer FILE, a SentencePiece model.");
  }
  if (model !== undefined && tokenizer !== undefined) {
    throw new UsageError("train: --model DIR brings its own tokenizer; leave --tokenizer out.");
  }
}

/** Flags win over a preset's suggestions, and those over the defaults. */
function chooseArguments(options: TrainOptions, printer: Printer): TrainingArguments {
  const preset = PRESETS[options.config as PresetName] as (typeof PRESETS)[PresetName] | undefined;
  const suggested = preset?.suggested ?? {};
  const given = Object.fromEntries(
    Object.keys(DEFAULT_ARGUMENTS).flatMap((name) => {
      const value = options[name as keyof TrainingArguments];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const used = Object.entries(suggested).filter(([name]) => !(name in given));
  if (used.length > 0) {
    const list = used.map(([name, value]) => `${name} ${value}`).join(", ");
    printer.line(`suggested    ${list} (for --config ${options.config}; flags win)`);
  }
  const args: TrainingArguments = { ...DEFAULT_ARGUMENTS, ...suggested, ...given };
  checkArguments(args);
  return args;
}

/** Makes the output folder, or checks that it may be used. Nothing in it is lost. */
async function prepareOutput(output: string, resume: boolean): Promise<void> {
  try {
    await mkdir(output, { recursive: true });
    const entries = (await readdir(output)).filter((name) => name !== ".lock");
    if (entries.length > 0 && !resume) {
      throw new FileError(
        output,
        "the output folder must be empty. Choose another --output, or --resume the run in it.",
      );
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(output, `cannot be used as output folder: ${(error as Error).message}.`);
  }
}

function describeSets(printer: Printer, sets: Sets): void {
  const { labels, textColumns } = sets;
  const counts = (name: "train" | "validation" | "test"): string => {
    const perClass = labels.names.map(
      (label, id) => `${label} ${sets[name].filter((example) => example.label === id).length}`,
    );
    return `${name.padEnd(12)} ${sets[name].length} rows (${perClass.join(", ")})`;
  };
  printer.line(`text         ${textColumns.join(" + ")}`);
  for (const name of ["train", "validation", "test"] as const) {
    if (sets[name].length > 0) printer.line(counts(name));
  }
  for (const { text, label } of sets.train.slice(0, 2)) {
    printer.line(`example      ${labels.names[label]}: ${excerpt(text)}`);
  }
}

interface Opened {
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
}

async function openModel(
  gpu: Gpu,
  options: TrainOptions,
  labels: LabelSet,
  seed: number,
  tokenizer: Tokenizer,
  printer: Printer,
): Promise<Opened> {
  if (options.model !== undefined) {
    const { report, ...opened } = await loadPretrained(gpu, options.model, {
      seed,
      labels: labels.names,
    });
    const unexpected = report.unused.filter((name) => !isExpectedUnused(name));
    const skipped = report.unused.length - unexpected.length;
    if (skipped > 0) printer.line(`skipped      ${skipped} tensors of the pre-training heads`);
    if (unexpected.length > 0) printer.line(`unused       ${unexpected.join(", ")}`);
    if (report.missing.length > 0) {
      printer.line(
        `new weights  ${report.missing.join(", ")} (newly initialised: train before use)`,
      );
    }
    return opened;
  }
  const config = options.config!;
  const vocabSize = tokenizer.vocabSize;
  const input = {
    vocabSize,
    labels: labels.names,
    padId: tokenizer.padId,
    clsId: tokenizer.clsId,
    sepId: tokenizer.sepId,
  };
  const shape =
    config in PRESETS
      ? presetConfig(config as PresetName, input)
      : {
          ...(await loadConfig(config)),
          ...labelFields(labels.names, config),
          vocab_size: vocabSize,
          pad_token_id: tokenizer.padId,
        };
  const model = new AlbertForSequenceClassification(gpu, shape);
  model.initialise(new Random(seed));
  printer.line("new weights  all (training from scratch)");
  return { model, tokenizer };
}

/** Everything up to the saved model. Throws Interrupted when the user ends it, and typed errors for what is wrong. */
export async function trainCommand(options: TrainOptions): Promise<TrainResults> {
  const printer = new Printer(options.json);
  checkOptions(options);
  const args = chooseArguments(options, printer);
  if (options.config !== undefined && !(options.config in PRESETS) && !existsSync(options.config)) {
    throw new UsageError(
      `train: --config must be one of ${Object.keys(PRESETS).join(", ")}, or a config.json; got "${options.config}".`,
    );
  }
  await requireFile(options.data ?? options.train!);
  const tokenizer = await Tokenizer.load((options.model ?? options.tokenizer)!);
  await prepareOutput(options.output, options.resume);
  const unlock = lockRun(options.output);
  try {
    const sets = await loadSets(options, args.seed);
    describeSets(printer, sets);
    const tokenize = (name: "train" | "validation" | "test"): Promise<LabelledSet> =>
      tokenizeSet(printer, name, sets[name], tokenizer, args.maxLength);
    const [train, validation, test] = [
      await tokenize("train"),
      await tokenize("validation"),
      await tokenize("test"),
    ];
    const gpu = await openAndTell(printer, options.adapter);
    try {
      const opened = await openModel(gpu, options, sets.labels, args.seed, tokenizer, printer);
      return await run({ gpu, ...opened, train, validation, test, sets, args, options, printer });
    } finally {
      gpu.close();
    }
  } finally {
    unlock();
  }
}

interface Prepared extends Opened {
  readonly gpu: Gpu;
  readonly train: LabelledSet;
  readonly validation: LabelledSet;
  readonly test: LabelledSet;
  readonly sets: Sets;
  readonly args: TrainingArguments;
  readonly options: TrainOptions;
  readonly printer: Printer;
}

async function run(prepared: Prepared): Promise<TrainResults> {
  const { gpu, model, tokenizer, train, validation, test, sets, args, options, printer } = prepared;
  const started = performance.now();
  const { output } = options;
  const limit = model.config.max_position_embeddings;
  if (args.maxLength > limit) {
    throw new UsageError(
      `train: --max-length must be at most ${limit}, the model's max_position_embeddings; got ${args.maxLength}.`,
    );
  }
  printer.line(`parameters   ${model.parameters.count.toLocaleString("en")}`);
  const interrupt = onInterrupt(() =>
    printer.line("stopping after this step (press again to end at once)"),
  );
  const observer = trainingObserver(printer, args);
  const trainer = new Trainer(
    { gpu, model, tokenizer, train, validation, args, output, signal: interrupt.signal },
    observer,
  );
  try {
    if (options.resume) await trainer.resume();
    printer.line(`training     ${trainer.totalSteps} steps, checkpoints in ${output}`);
    const outcome = await trainer.train();
    if (outcome.status === "interrupted") {
      throw new Interrupted(
        `interrupted at step ${outcome.state.step}; a checkpoint was written. Run the same command with --resume to go on.`,
      );
    }
    const bestStep = await trainer.loadBest();
    printer.line(
      outcome.stoppedEarly ? `stopped early: ${args.metric} no longer improves` : "done",
    );
    const options2 = {
      batchSize: args.evalBatchSize,
      maxLength: args.maxLength,
      padToMaxLength: args.padToMaxLength,
    };
    const score = async (set: LabelledSet, name: string): Promise<Evaluation> => {
      const progress = printer.progress(name, set.tokens.count);
      const evaluation = await evaluate(gpu, model, set, options2, (done) => progress.update(done));
      progress.stop();
      return evaluation;
    };
    const onValidation = await score(validation, "validation");
    const onTest = sets.test.length > 0 ? await score(test, "test") : undefined;
    const shown = onTest ?? onValidation;
    const shownExamples = onTest ? sets.test : sets.validation;
    printEvaluation(
      printer,
      onTest ? "test" : "validation",
      shown,
      shownExamples,
      sets.labels.names,
    );
    printMistakes(printer, shown, shownExamples, sets.labels.names);
    await savePretrained(output, model, tokenizer);
    const results: TrainResults = {
      test: onTest ? scores(onTest) : null,
      validation: scores(onValidation),
      steps: outcome.state.step,
      bestStep,
      seconds: (performance.now() - started) / 1000,
      samplesPerSecond: outcome.seconds > 0 ? outcome.samples / outcome.seconds : 0,
      adapter: adapterFacts(gpu),
      parameters: model.parameters.count,
      labels: sets.labels.names,
      sizes: {
        train: sets.train.length,
        validation: sets.validation.length,
        test: sets.test.length,
      },
      arguments: args,
      stoppedEarly: outcome.stoppedEarly,
      output,
      log: outcome.state.log,
    };
    await writeFile(join(output, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
    printer.line(
      `wrote        ${output} (model of step ${bestStep}, tokenizer, results.json) in ${duration(results.seconds)}`,
    );
    return results;
  } finally {
    interrupt.dispose();
    trainer.destroy();
  }
}
