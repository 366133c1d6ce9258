// How an evaluation is shown and written.

import {
  classificationReport,
  confusionMatrix,
  type Evaluation,
  type Example,
} from "../train/index.ts";
import { shortName } from "../train/listed.ts";
import { printConfusion } from "./confusion.ts";
import { excerpt, type Printer } from "./printer.ts";

export interface ScoreObject {
  readonly loss: number;
  readonly accuracy: number;
  /** Weighted by support, as the reference. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly macroF1: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

export function scores(evaluation: Evaluation): ScoreObject {
  const { loss, accuracy, precision, recall, f1, macro, seconds, samplesPerSecond } = evaluation;
  return { loss, accuracy, precision, recall, f1, macroF1: macro.f1, seconds, samplesPerSecond };
}

/** Scores, scikit-learn's report and the confusion matrix. @param file holds every prediction */
export function printEvaluation(
  printer: Printer,
  title: string,
  evaluation: Evaluation,
  examples: readonly Example[],
  names: readonly string[],
  file?: string,
): void {
  const labels = examples.map((example) => example.label);
  const { loss, accuracy, precision, recall, f1 } = evaluation;
  const cells = { loss, accuracy, precision, recall, f1 };
  const list = Object.entries(cells).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  printer.line(`${title.padEnd(12)} ${list.join("  ")}`);
  printer.line();
  printer.line(classificationReport(labels, evaluation.predictions, names).trimEnd());
  printer.line();
  const matrix = confusionMatrix(labels, evaluation.predictions, names.length);
  printConfusion(printer, matrix, names, file);
  printer.line();
}

/** Some wrong ones, the most confident first. */
export function printMistakes(
  printer: Printer,
  { predictions, probabilities }: Evaluation,
  examples: readonly Example[],
  names: readonly string[],
  most = 5,
): void {
  const K = names.length;
  const confidence = (i: number): number => probabilities[i * K + predictions[i]!]!;
  const wrong = examples.flatMap(({ label }, i) => (label === predictions[i] ? [] : [i]));
  if (wrong.length === 0) return;
  wrong.sort((a, b) => confidence(b) - confidence(a));
  printer.line(`misclassified: ${wrong.length} of ${examples.length}, the most confident first`);
  for (const i of wrong.slice(0, most)) {
    const { text, label } = examples[i]!;
    const said = `${shortName(names[predictions[i]!]!)} ${confidence(i).toFixed(3)}`;
    printer.line(`  truth ${shortName(names[label]!)}, predicted ${said}: ${excerpt(text, 80)}`);
  }
  printer.line();
}
