// Sets for the audit with faults planted in them, and none by accident.

import { Random } from "../../../engine/random.ts";
import { audit, type AuditOptions, type AuditReport } from "../../../train/audit/index.ts";
import { inPieces } from "../../support/pieces.ts";
import Papa from "papaparse";

export type Row = Record<string, string>;

/** `words` different words at random; two such texts share next to nothing. */
export function story(random: Random, words = 30): string {
  return Array.from({ length: words }, () => `w${random.int(20_000)}`).join(" ");
}

/** Rows with the classes a and b in turn, whose texts tell nothing. */
export function stories(count: number, seed = 1): Row[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => ({
    text: story(random),
    label: i % 2 === 0 ? "a" : "b",
  }));
}

/** The report on sets of rows, as if they stood in CSV files. */
export function auditRows(
  sets: Readonly<Record<string, readonly Row[]>>,
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> {
  const files = Object.entries(sets).map(([name, rows]) => ({
    name,
    file: `${name}.csv`,
    open: () => ({ name: `${name}.csv`, chunks: inPieces(`${Papa.unparse([...rows])}\r\n`, 999) }),
  }));
  return audit(files, { maxLength: 8, ...options });
}
