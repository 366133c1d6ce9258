// The figures of published data sets, which this project did not choose.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { audit, type AuditReport } from "../../../train/audit/index.ts";
import type { ColumnOptions } from "../../../train/dataset.ts";

const shared = "../shared/data";
const report = (file: string, format: ColumnOptions = {}): Promise<AuditReport> => {
  const path = join(shared, file);
  return audit([{ name: "data", file: path, open: () => path, format }], { maxLength: 512 });
};
const rule = ({ shortcuts }: AuditReport, description: string) =>
  shortcuts.find((one) => one.description === description);
const round = (share: number | undefined): number => Math.round(1000 * (share ?? 0)) / 10;

describe("the audit of real files", () => {
  it.skipIf(!existsSync(shared))(
    "finds ISOT's shortcuts and copies by itself (needs shared data: isot/uniform_4961.csv)",
    async () => {
      const found = await report("isot/uniform_4961.csv", { textColumns: ["text"] });
      const reuters = rule(found, 'text has "(Reuters)"');
      expect(round(reuters?.accuracy)).toBe(99.5);
      expect(reuters).toMatchObject({ present: "1", absent: "0", isWarning: true });
      const text = rule(found, "text ends with a blank");
      expect(text?.supportByClass).toEqual({ "0": 574, "1": 2441 });
      expect(text?.isWarning).toBe(true);
      expect(rule(found, "date ends with a blank")).toMatchObject({ accuracy: 1, support: 2491 });
      expect(found.shortcuts.find(({ kind }) => kind === "value")).toMatchObject({
        column: "subject",
        accuracy: 1,
      });
      expect(found.warnings.join("\n")).toContain("(Reuters)");
      expect(found.sets[0]?.words).toMatchObject({ median: 362, p95: 934, max: 8135 });
      expect(found.duplicates.inside.data).toEqual({ exact: 0, folded: 3, near: 7 });
    },
  );

  it.skipIf(!existsSync(shared))(
    "finds the capitals and the copies of 44,888 titles (needs shared data: isot/titles.csv)",
    async () => {
      const found = await report("isot/titles.csv");
      const [best] = found.shortcuts;
      expect(best?.description).toBe("title has an ALL-CAPS word of 4 or more letters");
      expect(round(best?.accuracy)).toBe(88.2);
      expect(found.duplicates.inside.data).toEqual({ exact: 6165, folded: 6174, near: 6196 });
    },
  );

  it.skipIf(!existsSync(shared))(
    "reads LIAR's raw file, all rows and six classes (needs shared data: liar/raw/train.tsv)",
    async () => {
      const columns = [
        "id",
        "label",
        "statement",
        ...Array.from({ length: 11 }, (_, i) => `c${i}`),
      ];
      const found = await report("liar/raw/train.tsv", { delimiter: "\t", quotes: false, columns });
      expect(found.rows).toBe(10_269);
      expect(found.sets[0]?.classes).toEqual({
        "barely-true": 1657,
        false: 1998,
        "half-true": 2123,
        "mostly-true": 1966,
        "pants-fire": 842,
        true: 1683,
      });
      expect(found.conflicts.texts).toBe(6);
    },
  );
});
