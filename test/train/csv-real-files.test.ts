import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRows } from "../../train/csv.ts";

describe("readRows on real files", () => {
  const shared = "../shared/data";
  it.skipIf(!existsSync(shared)).each([
    ["isot/titles.csv", 44_888],
    ["sst2/train.csv", 67_349],
    ["constraint_covid/train.csv", 6_420],
    ["liar/train.csv", 10_269],
    ["isot/uniform_4961.csv", 4_961],
  ])("counts every record, in bounded memory (needs shared data: %s)", async (file, count) => {
    let rows = 0;
    let peak = 0;
    const before = process.memoryUsage().heapUsed;
    for await (const { record } of readRows(join(shared, file))) {
      rows = record;
      if (record % 256 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed - before);
    }
    expect(rows).toBe(count);
    expect(peak).toBeLessThan(80e6); // one block and the garbage of a collection cycle
  });
});
