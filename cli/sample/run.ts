// `npm start`: the main job on the embedded sample. Trains `tiny` from scratch, then classifies two items it never saw.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AlbertGpuError } from "../../engine/index.ts";
import { predictCommand } from "../commands/predict.ts";
import { trainCommand } from "../commands/train.ts";
import { stopBars } from "../printer.ts";
import { ownVersion } from "../version.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
// A fresh folder each time: the sample is there to be run again.
const output = join(tmpdir(), "albert-gpu-sample");

try {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  await trainCommand({
    data: here("news.csv"),
    textColumns: ["title", "text"],
    config: "tiny",
    tokenizer: here("spiece.model"),
    maxLength: 128,
    epochs: 5,
    output,
    command: "npm start",
    version: ownVersion(),
    resume: false,
    json: false,
  });
  const headlines = here("headlines.txt");
  console.log("\ntwo items it never saw:");
  for (const text of readFileSync(headlines, "utf8").trim().split("\n")) console.log(`  ${text}`);
  const predict = { model: output, input: headlines, batchSize: 16 };
  await predictCommand({ ...predict, output: process.stdout });
} catch (error) {
  stopBars();
  if (!(error instanceof AlbertGpuError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
