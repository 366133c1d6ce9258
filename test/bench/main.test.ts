import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Row } from "../../bench/harness.ts";

const folder = mkdtempSync(join(tmpdir(), "bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const node = ["--import", "tsx", "bench/main.ts", ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, node, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

describe("npm run bench", () => {
  it("measures one case after another, and writes them all", { timeout: 120_000 }, async () => {
    const file = join(folder, "rows.json");
    const ended = await bench("add", "gather-rows", "--quick", "--json", file);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    expect(ended.code).toBe(0);
    const { rows } = JSON.parse(readFileSync(file, "utf8")) as { rows: Row[] };
    const kernels = new Set(rows.map(({ kernel }) => kernel.replace("-scalar", "")));
    expect(kernels).toEqual(
      new Set(["add/forward", "gather-rows/forward", "gather-rows/backward"]),
    );
    for (const { medianMs, share } of rows) expect(Math.min(medianMs, share)).toBeGreaterThan(0);
  });

  it("refuses rows there are none of", async () => {
    const { code, stderr } = await bench("add", "swish");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^bench: rows are step, update, .*; got swish\.$/m);
  });
});
