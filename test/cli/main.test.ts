// The stories of the commands that need no training, as a child process.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Tokenizer } from "../../model/tokenizer.ts";
import { errorsOf, jsonLines, lastJson, run, start } from "./command.ts";
import { items, SPIECE, temporaryFolder, writeCsv } from "./news.ts";

const files = temporaryFolder();
afterAll(() => files.remove());

describe("tokenize", () => {
  it("answers lines from standard input with the ids of each", async () => {
    const texts = ["The minister said.", "", "Ein Satz 😀"];
    const own = await Tokenizer.load(SPIECE);
    const ended = await run(
      ["tokenize", "--tokenizer", SPIECE, "--max-length", "6"],
      texts.join("\n"),
    );
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(ended.stdout)).toEqual(texts.map((text) => ({ ids: own.encode(text, 6) })));
  });

  it("ends quietly when its reader has seen enough", async () => {
    const child = start(["tokenize", "--tokenizer", SPIECE], "a line\n".repeat(200_000));
    await child.saying("ids");
    child.process.stdout.destroy();
    expect(await child.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("says so when there is no such tokeniser", async () => {
    const ended = await run(["tokenize", "--tokenizer", join(files.folder, "none")], "x");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error: .*none: must .*\.\n$/);
  });
});

describe("split", () => {
  let data: string;
  beforeAll(() => {
    data = writeCsv(join(files.folder, "news.csv"), items(0, 40));
  });

  it("cuts a file into three that hold every row once", async () => {
    const args = ["split", data, "--ratios", "50:25:25", "--stratify", "label", "--seed", "3"];
    const ended = await run(args);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const lines = ["train", "validation", "test"].flatMap((set) =>
      readFileSync(join(files.folder, `news.${set}.csv`), "utf8")
        .trimEnd()
        .split("\r\n")
        .slice(1),
    );
    const whole = readFileSync(data, "utf8").trimEnd().split("\r\n").slice(1);
    expect(lines.sort()).toEqual(whole.sort());
    expect(ended.stdout).toMatch(/news\.train\.csv: 20 rows \(fake \d+, real \d+\)/);
    const again = await run(args);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^error: .*news\.train\.csv: must not exist yet.*--force\.\n$/);
  });
});

describe("doctor", () => {
  it("shows the adapter, its limits and a product that is right, as JSON too", async () => {
    const ended = await run(["doctor", "--json"]);
    expect(ended.code).toBe(0);
    const found = lastJson(ended.stdout) as { matmul: { largestError: number; gflops: number } };
    expect(found).toMatchObject({
      adapter: { name: expect.any(String), software: expect.any(Boolean) },
      features: expect.any(Array),
      limits: { maxBufferSize: expect.any(Number) },
    });
    expect(found.matmul.largestError).toBeLessThan(1e-4);
    expect(found.matmul.gflops).toBeGreaterThan(0);
    expect(errorsOf(ended)).toContain("all is well");
  });
});
