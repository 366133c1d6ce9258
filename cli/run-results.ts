// results.json of a training run: what is known when it has ended.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { FileError } from "../engine/index.ts";
import type { TrainingArguments, TrainingOutcome } from "../train/index.ts";
import type { adapterFacts } from "./device.ts";
import type { RunData } from "./run-data.ts";
import type { ScoreObject } from "./scores.ts";

export const RESULTS_FILE = "results.json";

/** What results.json holds, and --json prints. */
export interface TrainResults {
  readonly test: ScoreObject | null;
  readonly validation: ScoreObject;
  readonly steps: number;
  readonly bestStep: number;
  /** Wall time of all its processes; what a crash undid is not counted. */
  readonly seconds: number;
  /** In training steps. */
  readonly samplesPerSecond: number;
  /** As a shell takes it. */
  readonly command: string;
  /** ISO 8601, in UTC. */
  readonly finished: string;
  readonly versions: Versions;
  readonly adapter: ReturnType<typeof adapterFacts>;
  readonly parameters: number;
  readonly labels: readonly string[];
  readonly textColumns: readonly string[];
  readonly sizes: { readonly train: number; readonly validation: number; readonly test: number };
  readonly arguments: TrainingArguments;
  readonly stoppedEarly: boolean;
  readonly output: string;
  readonly data: RunData;
  /** What the cheap part of the audit found, a sentence each. */
  readonly warnings: readonly string[];
  readonly log: TrainingOutcome["state"]["log"];
}

export interface Versions {
  readonly "albert-gpu": string;
  readonly node: string;
  /** The package that brings Dawn. */
  readonly webgpu: string;
  /** "linux x64". */
  readonly platform: string;
}

/** @param own the version of this program */
export function versionsHere(own: string): Versions {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  const { platform, arch, versions } = process;
  return {
    "albert-gpu": own,
    node: versions.node,
    webgpu: version,
    platform: `${platform} ${arch}`,
  };
}

/** A command line that a POSIX shell takes apart into these arguments. */
export function shellCommand(args: readonly string[]): string {
  const quoted = args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`,
  );
  return ["albert-gpu", ...quoted].join(" ");
}

/** Throws FileError when the folder holds no finished run of this version. */
export async function readResults(folder: string): Promise<TrainResults> {
  const path = join(folder, RESULTS_FILE);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FileError(
      path,
      `must be there, as a finished training run leaves it; got ${(cause as Error).message}. A run that was interrupted goes on with --resume.`,
      { cause },
    );
  });
  const results = parsed(text);
  if (results === undefined) {
    throw new FileError(path, "must hold the results of a run as JSON; it is damaged.");
  }
  const needed: (keyof TrainResults)[] = ["labels", "validation", "arguments", "versions", "log"];
  const missing = needed.filter((name) => results[name] === undefined);
  if (missing.length === 0) return results;
  if ("C" in results) {
    throw new FileError(path, "must be of a training run; it is a baseline's. Name its run.");
  }
  throw new FileError(
    path,
    `must hold the results of a training run; it lacks ${missing.join(", ")}. If an earlier version wrote it, run the training command again with --resume.`,
  );
}

function parsed(text: string): TrainResults | undefined {
  try {
    return (JSON.parse(text) as TrainResults | null) ?? undefined;
  } catch {
    return undefined;
  }
}
