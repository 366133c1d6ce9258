// Which classes are taken for which, in a terminal.

import { frequentConfusions } from "../train/index.ts";
import { shortName } from "../train/listed.ts";
import type { Printer } from "./printer.ts";

const MOST_CLASSES = 20;
const MOST_CONFUSIONS = 10;

/**
 * Prints the matrix, or of more than twenty classes the most frequent confusions.
 * @param matrix [true class][predicted class], @param file holds every prediction
 */
export function printConfusion(
  printer: Printer,
  matrix: readonly (readonly number[])[],
  names: readonly string[],
  file?: string,
): void {
  const shown = names.map(shortName);
  if (names.length <= MOST_CLASSES) {
    printer.line("confusion matrix (rows: truth, columns: prediction)");
    printer.table([["", ...shown], ...matrix.map((row, i) => [shown[i]!, ...row.map(String)])]);
    return;
  }
  const rest = file === undefined ? "" : `; ${file} has every prediction`;
  printer.line(`most frequent confusions of ${names.length} classes${rest}`);
  const confusions = frequentConfusions(matrix, MOST_CONFUSIONS);
  if (confusions.length === 0) printer.line("  none: nothing is misclassified");
  for (const { truth, predicted, count } of confusions) {
    printer.line(`  truth ${shown[truth]}, predicted ${shown[predicted]}: ${count}`);
  }
}
