// Runs every peer in a process of its own, one after another, and sets its times against ours of the same run.

import { execFileSync, fork, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ChildRequest } from "./child.ts";
import { layerLosses } from "./reference.ts";
import { layerName, matmulName, type PeerRow, stepName } from "./rows.ts";
import { LAYER, MATMULS } from "./work.ts";

/** What to compare on. */
export interface CompareOptions {
  readonly adapter?: string | undefined;
  readonly software: boolean;
  readonly runs: number;
  /** Receives a line about anything that takes a while or is left out. */
  readonly log: (line: string) => void;
}

const PEERS: readonly Pick<ChildRequest, "module" | "name" | "provider">[] = [
  { module: "./albert-gpu.ts", name: "albert-gpu" },
  { module: "./jax-js.mjs", name: "jax-js" },
  { module: "./tensorflow-js.mjs", name: "TensorFlow.js" },
  { module: "./onnxruntime.mjs", name: "onnxruntime webgpu", provider: "webgpu" },
  { module: "./onnxruntime.mjs", name: "onnxruntime cpu", provider: "cpu" },
];

/** Installs the peers into bench/node_modules unless they are there. No script of theirs runs. */
export function installPeers(log: (line: string) => void): void {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  if (existsSync(new URL("../node_modules/.package-lock.json", import.meta.url))) return;
  log("installing the peers into bench/node_modules (about 600 MB)");
  execFileSync("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--silent"], {
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
}

/** Sends back the rows of one child; a child that ends early gives one that says so. */
async function rowsOf(request: ChildRequest): Promise<PeerRow[]> {
  const rows: PeerRow[] = [];
  const child = fork(new URL("child.ts", import.meta.url), [JSON.stringify(request)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  child.on("message", (row) => rows.push(row as PeerRow));
  const how = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  if (how !== 0) {
    const cannot = `its process ended with ${how}`;
    rows.push({ peer: request.name, adapter: "", work: "everything after", cannot });
  }
  return rows;
}

/** The rows of PyTorch, where the Python of the variable PYTHON, or python3, has it; else a row that says what is missing. */
export function pytorchRows(runs: number, steps: ChildRequest["steps"]): PeerRow[] {
  const python = process.env["PYTHON"] ?? "python3";
  const request = {
    runs,
    steps: steps.map(([B, T]) => ({ B, T, work: stepName(B, T) })),
    matmuls: MATMULS.map((shape) => ({ ...shape, work: matmulName(shape) })),
    layer: { ...LAYER, work: layerName(LAYER) },
  };
  const script = fileURLToPath(new URL("../pytorch.py", import.meta.url));
  const run = spawnSync(python, [script, JSON.stringify(request)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (run.status === 0) {
    const lines = run.stdout.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as PeerRow);
  }
  const cannot = run.error?.message ?? run.stderr.trim().split("\n").at(-1) ?? "it failed";
  return [
    {
      peer: "PyTorch",
      adapter: "",
      work: "skipped: needs python3 (or $PYTHON) with torch and transformers",
      cannot,
    },
  ];
}

/** All rows, peer by peer, ours first. */
export async function* comparePeers(options: CompareOptions): AsyncGenerator<PeerRow> {
  const { adapter, software, runs, log } = options;
  installPeers(log);
  log("computing the layer's first two losses in f64");
  const losses = layerLosses(LAYER);
  const large = [
    [32, 128],
    [32, 512],
  ] as const;
  const steps: ChildRequest["steps"] = [[1, 128], ...(software ? [] : large)];
  for (const peer of PEERS) {
    log(peer.name);
    yield* await rowsOf({ ...peer, adapter, runs, losses, steps });
  }
  log("PyTorch");
  yield* pytorchRows(runs, steps);
}

/** How many times as long as ours a row took; undefined where either has no figures. */
export function ratioToOurs(row: PeerRow, rows: readonly PeerRow[]): number | undefined {
  const ours = rows.find(({ peer, work }) => peer === PEERS[0]!.name && work === row.work);
  if (!row.figures || !ours?.figures) return undefined;
  return row.figures.medianMs / ours.figures.medianMs;
}

/** The table, one line a row, in blocks of the same work. */
export function peerTable(rows: readonly PeerRow[]): string[] {
  const lines: string[] = [];
  for (const work of new Set(rows.map((row) => row.work))) {
    lines.push("", work);
    for (const row of rows) {
      if (row.work !== work) continue;
      const name = `  ${row.peer.padEnd(24)}`;
      if (!row.figures) {
        lines.push(`${name} ${row.cannot}`);
        continue;
      }
      const { medianMs, iqrMs, gflops } = row.figures;
      const ratio = ratioToOurs(row, rows);
      const calls = row.calls
        ? Object.entries(row.calls).map(([call, count]) => `${count} ${CALL_NAMES[call] ?? call}`)
        : ["calls not counted"];
      const cells = [
        `${medianMs.toFixed(1).padStart(9)} ms`,
        `±${iqrMs.toFixed(1)}`.padStart(8),
        `${gflops.toFixed(1).padStart(7)} GFLOP/s`,
        (ratio === undefined ? "" : `${ratio.toFixed(2)} x`).padStart(9),
      ];
      lines.push(`${name} ${cells.join(" ")}  ${calls.join(", ")}`);
    }
  }
  return lines;
}

const CALL_NAMES: Readonly<Record<string, string>> = { bindGroups: "bind groups" };
