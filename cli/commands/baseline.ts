// `albert-gpu baseline`: what a bag of words makes of the same data, and whether a finished run beats it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import {
  DEFAULT_ARGUMENTS,
  type Evaluation,
  PREDICTIONS_FILE,
  predictionsOf,
  scored,
  writeFilesInto,
  writePredictions,
} from "../../train/index.ts";
import {
  BagOfWords,
  fitLogistic,
  type LinearModel,
  logisticLogits,
  strongestFeatures,
  wordsOf,
} from "../../train/baseline/index.ts";
import { shortName } from "../../train/listed.ts";
import {
  baselineVerdict,
  type ComparedRun,
  comparedRun,
  type Difference,
  differenceOf,
  readRun,
  requireSameSet,
  runRows,
} from "../comparison.ts";
import {
  checkDataOptions,
  type DataOptions,
  describeSets,
  loadSets,
  requireDataFiles,
  type Sets,
  SETS,
} from "../data.ts";
import { UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";
import { flagsGiven } from "../option-name.ts";
import { openOutput } from "../output-folder.ts";
import { duration, Printer } from "../printer.ts";
import { loadSetsOf, type RunData, runData } from "../run-data.ts";
import { RESULTS_FILE } from "../run-results.ts";
import { printEvaluation, printMistakes, scores, type ScoreObject } from "../scores.ts";

export interface BaselineOptions extends DataOptions {
  /** A finished training run: its data are taken, and it is compared. */
  readonly run?: string | undefined;
  readonly output?: string | undefined;
  readonly seed?: number | undefined;
  /** Weight of the data against the penalty; by default chosen on the validation set. */
  readonly C?: number | undefined;
  /** Words to show for each class. */
  readonly top: number;
  readonly json: boolean;
}

export interface BaselineResults {
  readonly test: ScoreObject | null;
  readonly validation: ScoreObject;
  readonly C: number;
  readonly features: number;
  /** Weights and intercepts. */
  readonly parameters: number;
  readonly labels: readonly string[];
  readonly seconds: number;
  readonly data: RunData;
  /** What speaks most for each class: word or pair, and weight. */
  readonly strongest: Readonly<Record<string, readonly (readonly [string, number])[]>>;
  /** The run less the baseline. */
  readonly difference: Difference | null;
  readonly output: string;
}

const CHOICES = [1, 10, 100];
const HOW_READ = ["seed", "textColumns", "labelColumn", "labelNames"] as const;
const HOW_WRITTEN = ["delimiter", "columns", "quotes"] as const;
const OF_DATA = ["data", ...SETS, ...HOW_READ, ...HOW_WRITTEN] as const;
const DEFAULT_OUTPUT = "albert-baseline";

type Scored = Record<"validation" | "test", Evaluation | undefined>;

interface Fitted {
  readonly bag: BagOfWords;
  readonly model: LinearModel;
  readonly C: number;
  readonly evaluations: Scored;
}

/** Fits a model for each C and keeps the one with the best F1 on the validation set, the smallest C of equals. */
async function fit(printer: Printer, sets: Sets, choices: readonly number[]): Promise<Fitted> {
  const texts = (name: "train" | "validation" | "test") => sets[name].map(({ text }) => text);
  const labels = (name: "train" | "validation" | "test") =>
    Uint32Array.from(sets[name], ({ label }) => label);
  const reading = printer.progress("read", sets.train.length);
  const bag = await BagOfWords.fit(texts("train"), (done) => reading.update(done));
  const train = await bag.transform(texts("train"), (done) => reading.update(done));
  const others = {
    validation: await bag.transform(texts("validation")),
    test: await bag.transform(texts("test")),
  };
  reading.stop();
  const { features } = bag;
  printer.line(
    `features     ${features.toLocaleString("en")} words and pairs of words in two training texts or more`,
  );
  const K = sets.labels.names.length;
  const evaluate = (model: LinearModel, name: "validation" | "test"): Evaluation | undefined => {
    if (others[name].count === 0) return undefined;
    const start = performance.now();
    const logits = logisticLogits(others[name], model);
    return scored(logits, labels(name), K, (performance.now() - start) / 1000);
  };
  let best: { model: LinearModel; C: number; validation: Evaluation } | undefined;
  let start: LinearModel | undefined;
  for (const C of choices) {
    const fitting = printer.progress(`fit C ${C}`, 500);
    const options = { features, K, C, start };
    const model = await fitLogistic(train, labels("train"), options, async (n) => {
      fitting.update(n);
      await setImmediate(); // for Ctrl-C and the bar
    });
    fitting.stop();
    start = model;
    const validation = evaluate(model, "validation")!;
    const note = model.converged ? "" : " (not converged)";
    printer.line(
      `C ${String(C).padEnd(10)} validation f1 ${validation.f1.toFixed(4)} after ${model.iterations} iterations${note}`,
    );
    if (!best || validation.f1 > best.validation.f1) best = { model, C, validation };
  }
  const { model, C, validation } = best!;
  return { bag, model, C, evaluations: { validation, test: evaluate(model, "test") } };
}

/** Throws UsageError for options that do not go together, and what reading data or a run throws. */
export async function baselineCommand(options: BaselineOptions): Promise<BaselineResults> {
  const printer = new Printer(options.json);
  const { run } = options;
  const given = run === undefined ? [] : flagsGiven(options, OF_DATA);
  if (given.length > 0) {
    throw new UsageError(
      `baseline: give either --run DIR, whose data are taken as they were, or data; got ${given.join(", ")} too.`,
    );
  }
  const output = options.output ?? (run === undefined ? DEFAULT_OUTPUT : join(run, "baseline"));
  if (run === undefined) checkDataOptions("baseline", options);
  await requireDataFiles(options);
  const compared = run === undefined ? undefined : await readRun(run);
  let release: (() => void) | undefined;
  const interrupt = onInterrupt(() => release?.());
  try {
    release = await openOutput(output, false);
    const started = performance.now();
    const { data, sets } = run === undefined ? await ownSets(options) : await loadSetsOf(run);
    describeSets(printer, sets);
    const fitted = await fit(printer, sets, options.C === undefined ? CHOICES : [options.C]);
    const seconds = (performance.now() - started) / 1000;
    const { labels } = sets;
    const name = fitted.evaluations.test ? "test" : "validation";
    const evaluation = fitted.evaluations[name]!;
    const file = join(output, PREDICTIONS_FILE);
    printEvaluation(printer, name, evaluation, sets[name], labels.names, file);
    printMistakes(printer, evaluation, sets[name], labels.names);
    const strongest = namesOfStrongest(fitted, labels.names, options.top);
    for (const [label, list] of Object.entries(strongest)) {
      const words = list.map(([word, weight]) => `${word} ${weight.toFixed(1)}`).join(", ");
      printer.line(`speaks for ${shortName(label)}: ${words}`);
    }
    const { weights, intercepts } = fitted.model;
    const parameters = weights.length + intercepts.length;
    const lengths = sets[name].map(({ text }) => wordsOf(text).length);
    const predictions = [
      ...predictionsOf({ evaluation, examples: sets[name], lengths, names: labels.names }),
    ];
    const fingerprint = data.fingerprints[name];
    const baseline = comparedRun("baseline", predictions, { parameters, fingerprint });
    const difference = compared ? await told(printer, compared, baseline) : null;
    const results: BaselineResults = {
      test: fitted.evaluations.test ? scores(fitted.evaluations.test) : null,
      validation: scores(fitted.evaluations.validation!),
      C: fitted.C,
      features: fitted.bag.features,
      parameters,
      labels: labels.names,
      seconds,
      data,
      strongest,
      difference,
      output,
    };
    await writeFilesInto(output, async (folder) => {
      await writePredictions(join(folder, PREDICTIONS_FILE), predictions);
      await writeFile(join(folder, RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`);
    });
    printer.line(`wrote        ${output} in ${duration(seconds)}`);
    return results;
  } finally {
    interrupt.dispose();
    release?.();
  }
}

async function ownSets(options: BaselineOptions): Promise<{ data: RunData; sets: Sets }> {
  const seed = options.seed ?? DEFAULT_ARGUMENTS.seed;
  const sets = await loadSets(options, seed);
  return { data: runData(options, seed, sets), sets };
}

function namesOfStrongest(
  { bag, model }: Fitted,
  labels: readonly string[],
  top: number,
): BaselineResults["strongest"] {
  const list = (classId: number): [string, number][] =>
    strongestFeatures(model, classId, top).map(([column, weight]) => [bag.name(column), weight]);
  return Object.fromEntries(labels.map((label, classId) => [label, list(classId)]));
}

/** Prints both rows and what to make of them. */
async function told(
  printer: Printer,
  run: ComparedRun,
  baseline: ComparedRun,
): Promise<Difference> {
  requireSameSet([run, baseline]);
  printer.line();
  printer.table(runRows([run, baseline]));
  const difference = await differenceOf(run, baseline, DEFAULT_ARGUMENTS.seed);
  printer.line();
  printer.line(`${run.name} is ${baselineVerdict(difference)}`);
  return difference;
}
