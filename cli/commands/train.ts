// `albert-gpu train`: from CSV files to a model folder, with everything a person wants to know on the way.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Gpu } from "../../engine/index.ts";
import { savePretrained } from "../../model/index.ts";
import {
  checkArguments,
  DEFAULT_ARGUMENTS,
  type DryRun,
  dryRun,
  evaluate,
  type Evaluation,
  type LabelledSet,
  type PredictedSet,
  PREDICTIONS_FILE,
  predictionsOf,
  Trainer,
  type TrainingArguments,
  writeFilesInto,
  writePredictions,
} from "../../train/index.ts";
import { quickWarnings } from "../../train/audit/index.ts";
import {
  type BaseModel,
  type BaseOptions,
  checkBaseOptions,
  type Opened,
  readBaseModel,
} from "../base-model.ts";
import {
  checkDataOptions,
  checkLength,
  type DataOptions,
  describeSets,
  loadSets,
  requireDataFiles,
  type Sets,
  SETS,
  tokenizeSets,
} from "../data.ts";
import { adapterFacts, openAndTell } from "../device.ts";
import { Interrupted } from "../errors.ts";
import { type Interrupt, onInterrupt } from "../interrupt.ts";
import { optionName } from "../option-name.ts";
import { openOutput } from "../output-folder.ts";
import { duration, gib, Printer } from "../printer.ts";
import { runData } from "../run-data.ts";
import { RESULTS_FILE, type TrainResults, type Versions, versionsHere } from "../run-results.ts";
import { printEvaluation, printMistakes, scores } from "../scores.ts";
import { tune } from "../tuning.ts";
import { trainingObserver, warnOfWarmup } from "../training-observer.ts";
import { reportAfterTraining } from "./report.ts";

export interface TrainOptions extends DataOptions, BaseOptions, Partial<TrainingArguments> {
  /** As a shell takes it. */
  readonly command: string;
  /** Of this program. */
  readonly version: string;
  readonly output: string;
  readonly resume: boolean;
  readonly dryRun?: boolean;
  /** "off", "auto" or a file. */
  readonly tuning?: string;
  readonly adapter?: string | undefined;
  readonly json: boolean;
}

/** Flags win over a preset's suggestions, and those over the defaults. */
function chooseArguments(
  options: TrainOptions,
  { suggested, limit }: BaseModel,
  printer: Printer,
): TrainingArguments {
  const given = Object.fromEntries(
    Object.keys(DEFAULT_ARGUMENTS).flatMap((name) => {
      const value = options[name as keyof TrainingArguments];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const maxLength = checkLength("train", options.maxLength, limit, DEFAULT_ARGUMENTS.maxLength);
  const args: TrainingArguments = { ...DEFAULT_ARGUMENTS, ...suggested, ...given, maxLength };
  checkArguments(args);
  const used = Object.entries(suggested).filter(([name]) => !(name in given));
  if (used.length > 0) {
    const list = used.map(([name, value]) => `${optionName(name)} ${value}`).join(", ");
    printer.line(`suggested    ${list} (for --config ${options.config}; flags win)`);
  }
  return args;
}

/** Says what makes scores on these sets look better than they are, before hours are spent on them. */
async function warnOfData(printer: Printer, sets: Sets): Promise<string[]> {
  const named = SETS.map((name) => ({ name, examples: sets[name] }));
  const warnings = await quickWarnings(named, sets.labels.names);
  for (const warning of warnings) printer.line(`warning      ${warning}`);
  if (warnings.length > 0) printer.line("             `albert-gpu audit` shows more");
  return warnings;
}

/** Everything up to the saved model. Throws Interrupted when the user ends it, and typed errors for what is wrong. */
export async function trainCommand(options: TrainOptions): Promise<TrainResults | DryRun> {
  const printer = new Printer(options.json);
  checkDataOptions("train", options);
  checkBaseOptions(options);
  const versions = versionsHere(options.version);
  await requireDataFiles(options);
  const base = await readBaseModel(options, printer);
  const chosen = chooseArguments(options, base, printer);
  const gpu = await openAndTell(printer, options.adapter, chosen.precision);
  const args = { ...chosen, precision: gpu.precision };
  let release: (() => void) | undefined;
  const interrupt = onInterrupt(() => release?.());
  try {
    if (!options.dryRun) release = await openOutput(options.output, options.resume);
    const sets = await loadSets(options, args.seed);
    describeSets(printer, sets);
    const warnings = await warnOfData(printer, sets);
    const { train, validation, test } = await tokenizeSets(
      printer,
      { train: sets.train, validation: sets.validation, test: sets.test },
      base.tokenizer,
      args.maxLength,
    );
    const opened = await base.open(gpu, sets.labels.names, args.seed, printer);
    // So that what asks the saved model cuts texts where training did.
    const tokenizer = opened.tokenizer.withMaxLength(args.maxLength);
    const prepared = {
      gpu,
      ...opened,
      tokenizer,
      train,
      validation,
      test,
      sets,
      args,
      options,
      printer,
    };
    const output = options.dryRun ? undefined : options.output;
    const { tuning = "auto", resume } = options;
    await tune({ ...prepared, tuning, resume, output });
    if (options.dryRun) return await tryOut(prepared);
    return await run({ ...prepared, versions, warnings, interrupt });
  } finally {
    interrupt.dispose();
    gpu.close();
    release?.();
  }
}

/** Says what training would take, after a few steps that are thrown away. */
async function tryOut(
  prepared: Omit<Prepared, "versions" | "warnings" | "interrupt">,
): Promise<DryRun> {
  const { printer } = prepared;
  const found = await dryRun(prepared);
  const ms = (seconds: number): string => `${(1000 * seconds).toFixed(0)} ms`;
  const kept = found.checkpointing ? "the input of each layer" : "all activations";
  printer.line(`memory       ${gib(found.peakBytes)} at most, ${kept} kept for backward`);
  printer.line(
    `step         ${ms(found.secondsPerStep)}; of the longest texts together ${ms(found.secondsOfLargest)}`,
  );
  const all = duration(found.totalSteps * found.secondsPerStep);
  printer.line(`training     ${found.totalSteps} steps, about ${all} besides evaluations`);
  warnOfWarmup(printer, prepared.args, found.totalSteps);
  printer.line("dry run      no run was written");
  return found;
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
  readonly versions: Versions;
  readonly warnings: readonly string[];
  readonly interrupt: Interrupt;
}

async function run(prepared: Prepared): Promise<TrainResults> {
  const { gpu, model, tokenizer, train, validation, test, args, options, printer } = prepared;
  const { output } = options;
  const { signal } = prepared.interrupt;
  printer.line(`parameters   ${model.parameters.count.toLocaleString("en")}`);
  const observer = trainingObserver(printer, args);
  const trainer = new Trainer(
    { gpu, model, tokenizer, train, validation, test, args, output, signal },
    observer,
  );
  try {
    if (options.resume) await trainer.resume();
    printer.line(`training     ${trainer.totalSteps} steps, checkpoints in ${output}`);
    warnOfWarmup(printer, args, trainer.totalSteps);
    prepared.interrupt.finishGently(() =>
      printer.line("stopping after this step (press again to end at once)"),
    );
    const outcome = await trainer.train();
    if (outcome.status === "interrupted") {
      const { step } = outcome.state;
      throw new Interrupted(
        step === 0
          ? "interrupted before the first step was done; nothing was written. Run the same command again."
          : `interrupted at step ${step}; its checkpoint was written. Run the same command with --resume to go on.`,
      );
    }
    const bestStep = await trainer.loadBest();
    const { stoppedEarly, state } = outcome;
    printer.line(stoppedEarly ? `stopped early: ${args.metric} no longer improves` : "done");
    const { shown, ...scored } = await scoreSets(prepared);
    await writeFilesInto(output, async (folder) => {
      await savePretrained(folder, model, tokenizer);
      await writePredictions(join(folder, PREDICTIONS_FILE), predictionsOf(shown));
    });
    const results: TrainResults = {
      ...scored,
      steps: state.step,
      bestStep,
      seconds: trainer.seconds,
      samplesPerSecond: state.stepSeconds > 0 ? state.samples / state.stepSeconds : 0,
      command: options.command,
      finished: new Date().toISOString(),
      versions: prepared.versions,
      adapter: adapterFacts(gpu),
      parameters: model.parameters.count,
      labels: prepared.sets.labels.names,
      textColumns: prepared.sets.textColumns,
      sizes: {
        train: train.tokens.count,
        validation: validation.tokens.count,
        test: test.tokens.count,
      },
      arguments: args,
      stoppedEarly,
      output,
      data: runData(options, args.seed, prepared.sets),
      warnings: prepared.warnings,
      log: state.log,
    };
    // Where there is one, the rest is whole; what is drawn from it can be drawn again.
    await writeFilesInto(output, (folder) =>
      writeFile(join(folder, RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`),
    );
    await reportAfterTraining(output, printer);
    printer.line(
      `wrote        ${output} (model of step ${bestStep}, tokenizer, results.json) in ${duration(results.seconds)}`,
    );
    return results;
  } finally {
    trainer.destroy();
  }
}

/** Scores the model on the validation and the test set, and prints and returns what it says of the latter, or else the former. */
async function scoreSets(
  prepared: Prepared,
): Promise<Pick<TrainResults, "test" | "validation"> & { shown: PredictedSet }> {
  const { gpu, model, validation, test, sets, args, printer } = prepared;
  const { signal } = prepared.interrupt;
  const { evalBatchSize: batchSize, maxLength, padToMaxLength } = args;
  const score = async (set: LabelledSet, name: string): Promise<Evaluation> => {
    const progress = printer.progress(name, set.tokens.count);
    try {
      const how = { batchSize, maxLength, padToMaxLength, signal };
      return await evaluate(gpu, model, set, how, (done) => progress.update(done));
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      throw new Interrupted(
        `interrupted while the ${name} set was scored; training is done. Run the same command with --resume to score it.`,
      );
    } finally {
      progress.stop();
    }
  };
  const names = sets.labels.names;
  const onValidation = await score(validation, "validation");
  const onTest = sets.test.length > 0 ? await score(test, "test") : undefined;
  const evaluation = onTest ?? onValidation;
  const name = onTest ? "test" : "validation";
  const examples = sets[name];
  const file = join(prepared.options.output, PREDICTIONS_FILE);
  printEvaluation(printer, name, evaluation, examples, names, file);
  printMistakes(printer, evaluation, examples, names);
  return {
    test: onTest ? scores(onTest) : null,
    validation: scores(onValidation),
    shown: { evaluation, examples, lengths: prepared[name].tokens.lengths, names },
  };
}
