// `npm run bench [-- NAME…] [--quick] [--json FILE] [--record]`: whole steps and every kernel on this machine's adapter.
// `npm run bench -- --peers [--json FILE]`: other libraries beside this one instead.

import { execFileSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { prepareDriver } from "../cli/setup/driver.ts";
import { openGpu, tuneMatmul } from "../engine/index.ts";
import { cases } from "./cases.ts";
import { measureCeiling } from "./ceiling.ts";
import { measure, type Row } from "./harness.ts";
import { productShapes } from "./matmul-cases.ts";
import { comparePeers, peerTable, ratioToOurs } from "./peers/compare.ts";
import type { PeerRow } from "./peers/rows.ts";
import { STEP_TOKENS, type StepRow, stepRows } from "./steps.ts";

interface Options {
  readonly quick?: boolean;
  readonly json?: string;
  readonly record?: boolean;
  readonly adapter?: string;
  readonly peers?: boolean;
  readonly variants?: boolean;
  readonly precision: "f32" | "f16";
}

const program = new Command("bench")
  .argument("[names...]", "only rows of these names: step, matmul, attention, layer-norm, …")
  .option("--quick", "512 tokens only, on a GPU 16,384 too, and fewer runs")
  .option("--json <file>", "write the rows")
  .option("--record", "append the rows to bench/history.jsonl")
  .option("--adapter <text>", "part of the adapter's name")
  .option("--precision <name>", "operands of matrix products: f32 or f16", "f32")
  .option("--variants", "products by every kernel that can compute them, not only the chosen one")
  .option("--peers", "other libraries on the same work instead, installed into bench/ on first use")
  .parse();
const names = program.args;
const { quick, json, record, adapter, peers, variants, precision } = program.opts<Options>();

prepareDriver();
const gpu = await openGpu({ adapter, precision });
const { name, software } = gpu.info;
const runs = quick || peers ? 10 : 20;
const run = {
  date: new Date().toISOString(),
  commit: commit(),
  adapter: name,
  software,
  precision,
};
console.log(`${name}${software ? " — a software adapter: these are no GPU figures" : ""}`);
if (peers) {
  gpu.close(); // its memory is the peers'
  const rows: PeerRow[] = [];
  const log = (line: string): void => console.error(line);
  for await (const row of comparePeers({ adapter, software, runs, log })) rows.push(row);
  console.log(peerTable(rows).join("\n"));
  const withRatios = rows.map((row) => ({ ...row, ratioToOurs: ratioToOurs(row, rows) }));
  save({ peers: withRatios });
  append(withRatios);
  process.exit(rows.some((row) => row.peer === "albert-gpu" && row.cannot) ? 1 : 0);
}
const known = new Set(["step", ...Array.from(cases(gpu, 512, false), (item) => item.name)]);
const unknown = names.find((row) => !known.has(row));
if (unknown !== undefined) {
  console.error(`bench: rows are ${[...known].join(", ")}; got ${unknown}.`);
  process.exit(2);
}
const ceiling = await measureCeiling(gpu);
console.log(
  `its own ceiling: ${ceiling.gflops.toFixed(0)} GFLOP/s of multiply-adds, ${ceiling.gbps.toFixed(1)} GB/s of copying\n`,
);

const rows: Row[] = [];
const steps: StepRow[] = [];
const large = software ? [] : [16384];
const tokenCounts = [512, ...(quick ? [] : [2048]), ...large];
const wants = (row: string): boolean => names.length === 0 || names.includes(row);
if (!software) {
  // As `train` does on a GPU; a software adapter has one good kernel.
  const wantsProducts = wants("matmul") || wants("linear");
  const tokens = [...(wantsProducts ? tokenCounts : []), ...(wants("step") ? STEP_TOKENS : [])];
  save({ ceiling, rows, steps });
  gpu.matmul.use(await tuneMatmul(gpu, [...new Set(tokens)].flatMap(productShapes)));
}
if (wants("step")) {
  for await (const row of stepRows(gpu, quick === true)) {
    steps.push(row);
    const { dispatches, bindGroups, buffers, submits, writes } = row.calls;
    console.log(
      `${row.kind.padEnd(10)} ${row.shape.padEnd(24)} ${row.medianMs.toFixed(1).padStart(9)} ms ±${row.iqrMs.toFixed(1)}  ${row.samplesPerSecond.toFixed(1)} samples/s  ${row.gflops.toFixed(1)} GFLOP/s  per step: ${dispatches} dispatches, ${bindGroups} bind groups, ${buffers} buffers, ${submits} submits, ${writes} writes`,
    );
    save({ ceiling, rows, steps }); // a bench that is ended early has said what it knows
  }
  gpu.releaseAll();
  console.log();
}

const cells = (row: Row): string =>
  [
    row.kernel.padEnd(42),
    row.shape.padEnd(32),
    row.medianMs.toFixed(3).padStart(10),
    `±${row.iqrMs.toFixed(3)}`.padStart(9),
    (row.gflops === undefined ? "" : row.gflops.toFixed(1)).padStart(10),
    row.gbps.toFixed(2).padStart(8),
    `${(100 * row.share).toFixed(0)} %`.padStart(6),
  ].join(" ");
console.log(
  `${"kernel".padEnd(42)} ${"shape".padEnd(32)} ${"median ms".padStart(10)} ${"IQR".padStart(9)} ${"GFLOP/s".padStart(10)} ${"GB/s".padStart(8)} ${"share".padStart(6)}`,
);
for (const tokens of tokenCounts) {
  for (const item of cases(gpu, tokens, variants === true)) {
    if (!wants(item.name)) continue;
    const made = item.make();
    const probe = gpu.upload(new Float32Array(1)); // goes with the rest of the case
    for (const row of await measure(gpu, made, probe, runs, ceiling)) {
      rows.push(row);
      console.log(cells(row));
    }
    save({ ceiling, rows, steps });
    made.destroy?.();
    gpu.releaseAll();
  }
}

gpu.close();

append([...steps, ...rows].map((row) => ({ ceiling, ...row })));

/** Writes everything to the file of --json. */
function save(everything: object): void {
  if (json === undefined) return;
  writeFileSync(json, `${JSON.stringify({ ...run, ...everything }, null, 2)}\n`);
}

/** Adds a line per entry to the history, with --record. */
function append(entries: readonly object[]): void {
  if (!record) return;
  const history = new URL("history.jsonl", import.meta.url);
  for (const entry of entries) appendFileSync(history, `${JSON.stringify({ ...run, ...entry })}\n`);
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
