// `albert-gpu evaluate`: the scores of a saved model on a labelled file.

import { labelNames } from "../../model/index.ts";
import { evaluate, LabelSet, loadExamples } from "../../train/index.ts";
import { listed, shortName } from "../../train/listed.ts";
import {
  checkFormat,
  delimiterOf,
  type LabelledRecordOptions,
  requireFile,
  tokenizeSets,
} from "../data.ts";
import { adapterFacts, openAndTell } from "../device.ts";
import { UsageError } from "../errors.ts";
import { modelFolder } from "../model-folder.ts";
import { Printer } from "../printer.ts";
import { openTrained } from "../trained-model.ts";
import { printEvaluation, printMistakes, scores, type ScoreObject } from "../scores.ts";

export interface EvaluateOptions extends LabelledRecordOptions {
  readonly model: string;
  readonly data: string;
  /** In tokens; the default is where training cut texts. */
  readonly maxLength?: number | undefined;
  readonly batchSize: number;
  readonly adapter?: string | undefined;
  readonly json: boolean;
}

export type EvaluateResults = ScoreObject & {
  readonly examples: number;
  readonly labels: readonly string[];
  readonly adapter: ReturnType<typeof adapterFacts>;
};

/** The model's classes, as the file spells them. Throws UsageError for a name that is none of them. */
function labelsOf(names: readonly string[], given: EvaluateOptions["labelNames"]): LabelSet {
  const unknown = Object.values(given ?? {}).find((name) => !names.includes(name));
  if (unknown === undefined) return LabelSet.ofModel(names, given);
  throw new UsageError(
    `evaluate: --label-names must name the model's classes, ${listed(names)}; got "${shortName(unknown)}".`,
  );
}

/** Throws UsageError for an untrained model or an unknown class, and what reading model and data throws. */
export async function evaluateCommand(options: EvaluateOptions): Promise<EvaluateResults> {
  checkFormat("evaluate", options, [options.data]);
  const printer = new Printer(options.json);
  await requireFile(options.data);
  const folder = await modelFolder(printer, options.model);
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const { model, tokenizer, maxLength, trainedColumns } = await openTrained(
      gpu,
      folder,
      "evaluate",
      options.maxLength,
    );
    const { batchSize, data, labelColumn, quotes, columns } = options;
    const names = labelNames(model.config);
    const { examples, textColumns, spellings } = await loadExamples(data, {
      textColumns: options.textColumns,
      trainedColumns,
      labelColumn,
      delimiter: delimiterOf(data, options.delimiter),
      quotes,
      columns,
      labels: labelsOf(names, options.labelNames),
    });
    printer.line(`text         ${textColumns.join(" + ")}`);
    printer.line(`data         ${examples.length} rows of ${options.data}`);
    const others = Array.from(spellings)
      .filter(([id, value]) => value !== names[id])
      .sort(([a], [b]) => a - b);
    if (others.length > 0) {
      const said = others.map(([id, value]) => `${shortName(value)} is ${shortName(names[id]!)}`);
      const why = options.labelNames ? "" : ", the model's numbers; --label-names says otherwise";
      printer.line(`labels       ${listed(said)}${why}`);
    }
    const { data: set } = await tokenizeSets(printer, { data: examples }, tokenizer, maxLength);
    const progress = printer.progress("evaluate", examples.length);
    const how = { batchSize, maxLength, padToMaxLength: false };
    const evaluation = await evaluate(gpu, model, set, how, (done) => progress.update(done));
    progress.stop();
    printEvaluation(printer, "scores", evaluation, examples, names);
    printMistakes(printer, evaluation, examples, names);
    return {
      ...scores(evaluation),
      examples: examples.length,
      labels: names,
      adapter: adapterFacts(gpu),
    };
  } finally {
    gpu.close();
  }
}
