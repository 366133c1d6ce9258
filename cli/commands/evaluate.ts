// `albert-gpu evaluate`: the scores of a saved model on a labelled file.

import { labelNames, loadPretrained } from "../../model/index.ts";
import { evaluate, LabelSet, loadExamples } from "../../train/index.ts";
import { requireFile, tokenizeSet } from "../data.ts";
import { adapterFacts, openAndTell } from "../device.ts";
import { UsageError } from "../errors.ts";
import { Printer } from "../printer.ts";
import { printEvaluation, printMistakes, scores, type ScoreObject } from "../scores.ts";

export interface EvaluateOptions {
  readonly model: string;
  readonly data: string;
  readonly textColumns?: string[] | undefined;
  readonly labelColumn?: string | undefined;
  readonly labelNames?: Record<string, string> | undefined;
  readonly delimiter?: string | undefined;
  readonly maxLength: number;
  readonly batchSize: number;
  readonly adapter?: string | undefined;
  readonly json: boolean;
}

export type EvaluateResults = ScoreObject & {
  readonly examples: number;
  readonly labels: readonly string[];
  readonly adapter: ReturnType<typeof adapterFacts>;
};

export async function evaluateCommand(options: EvaluateOptions): Promise<EvaluateResults> {
  const printer = new Printer(options.json);
  await requireFile(options.data);
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const { model, tokenizer, report } = await loadPretrained(gpu, options.model);
    if (report.missing.length > 0) {
      throw new UsageError(
        `evaluate: the model must be trained; ${options.model} lacks ${report.missing.join(", ")}.`,
      );
    }
    const { maxLength, batchSize } = options;
    if (maxLength > model.config.max_position_embeddings) {
      throw new UsageError(
        `evaluate: --max-length must be at most ${model.config.max_position_embeddings}; got ${maxLength}.`,
      );
    }
    const names = labelNames(model.config);
    const labels = options.labelNames
      ? LabelSet.fromValues([], options.labelNames)
      : LabelSet.ofModel(names);
    const { textColumns, labelColumn, delimiter } = options;
    const { examples } = await loadExamples(options.data, {
      textColumns,
      labelColumn,
      delimiter,
      labels,
    });
    printer.line(`data         ${examples.length} rows of ${options.data}`);
    const set = await tokenizeSet(printer, "data", examples, tokenizer, maxLength);
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
