// Runs every peer in a process of its own, in turns, and sets its times against ours of the same run.

import { type ChildProcess, execFileSync, fork, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ChildRequest } from "./child.ts";
import { layerLosses } from "./reference.ts";
import { median } from "../statistics.ts";
import { layerName, matmulName, type PeerRow, stepName } from "./rows.ts";
import { LAYERS, MATMULS } from "./work.ts";

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
function installPeers(log: (line: string) => void): void {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  if (existsSync(new URL("../node_modules/.package-lock.json", import.meta.url))) return;
  log("installing the peers into bench/node_modules (about 600 MB)");
  execFileSync("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--silent"], {
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
}

/**
 * Between two turns, so that what a library leaves running is in nobody's time: onnxruntime's threads on the CPU spin for
 * 45 ms after a run, looking for more.
 */
const REST_MS = 100;

/** A child process that works when it is given the turn, until it asks for the next. */
class Child {
  readonly rows: PeerRow[] = [];
  readonly #process: ChildProcess;
  #ended = false;
  #paused: (() => void) | undefined;

  constructor(request: ChildRequest) {
    const child = fork(new URL("child.ts", import.meta.url), [JSON.stringify(request)], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process = child;
    const end = (how: number | string | null): void => {
      if (this.#ended) return;
      this.#ended = true;
      if (how !== 0) {
        const cannot = `its process ended with ${how}`;
        this.rows.push({ peer: request.name, adapter: "", work: "everything after", cannot });
      }
      this.#paused?.();
    };
    child.once("error", (error) => end(error.message));
    child.once("close", (code, signal) => end(code ?? signal));
    child.on("message", (message: PeerRow | "turn") => {
      if (message === "turn") this.#paused?.();
      else this.rows.push(message);
    });
  }

  /** Waits until the child asks for a turn, the first one too, or has ended. */
  async paused(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => (this.#paused = resolve));
  }

  /** Gives the turn, and waits until the child asks for the next one. Returns false once it has ended. */
  async turn(): Promise<boolean> {
    if (this.#ended) return false;
    const paused = this.paused();
    this.#process.send("turn");
    await paused;
    return !this.#ended;
  }
}

/** The rows of PyTorch, where the Python of the variable PYTHON, or python3, has it; else a row that says what is missing. */
function pytorchRows(runs: number, steps: ChildRequest["steps"]): PeerRow[] {
  const python = process.env["PYTHON"] ?? "python3";
  const request = {
    runs,
    steps: steps.map(([B, T]) => ({ B, T, work: stepName(B, T) })),
    matmuls: MATMULS.map((shape) => ({ ...shape, work: matmulName(shape) })),
    layers: LAYERS.map((sizes) => ({ ...sizes, work: layerName(sizes) })),
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
  log("computing the layers' first two losses in f64");
  const losses = LAYERS.map(layerLosses);
  const large = [
    [32, 128],
    [32, 512],
  ] as const;
  const steps: ChildRequest["steps"] = [[1, 128], ...(software ? [] : large)];
  const children: Child[] = [];
  for (const peer of PEERS) {
    const child = new Child({ ...peer, adapter, runs, losses, steps });
    await child.paused();
    children.push(child);
  }
  log(`${PEERS.map(({ name }) => name).join(", ")}, in turns`);
  // One timed run each, again and again: what else the machine does meets all of them alike.
  let working = children;
  while (working.length > 0) {
    const left: Child[] = [];
    for (const child of working) {
      await rest(REST_MS);
      if (await child.turn()) left.push(child);
    }
    working = left;
  }
  for (const { rows } of children) yield* rows;
  log("PyTorch");
  yield* pytorchRows(runs, steps);
}

/**
 * How many times as long as ours a row took: where they took turns the median over pairs of runs, which met the same moment
 * of the machine, else of the medians. Undefined where either has no figures.
 */
export function ratioToOurs(row: PeerRow, rows: readonly PeerRow[]): number | undefined {
  const ours = rows.find(({ peer, work }) => peer === PEERS[0]!.name && work === row.work);
  if (!row.figures || !ours?.figures) return undefined;
  const [times, oursTimes] = [row.figures.timesMs, ours.figures.timesMs];
  if (times && oursTimes && times.length === oursTimes.length) {
    return median(times.map((ms, run) => ms / oursTimes[run]!));
  }
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
