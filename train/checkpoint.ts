// Saving and resuming a run: model, moments, and where in the data it was. Dropout and batch order follow from the seed and
// the step, so there is no random state besides these.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, type ParameterSet } from "../engine/index.ts";
import {
  type AlbertForSequenceClassification,
  loadWeights,
  openSafetensors,
  savePretrained,
  type Tokenizer,
  writeSafetensors,
} from "../model/index.ts";
import { type TrainingArguments } from "./arguments.ts";
import { removeFolder, verifyFolder, writeFolder } from "./checkpoint-folder.ts";
import type { AdamW, OptimiserState } from "./optimiser.ts";

/** One line of the run's log: a training entry has `learning_rate`, an evaluation `eval_…` scores. Names as Trainer's. */
export type LogEntry = Readonly<Record<string, number>>;

/** Everything about a run that is not a tensor. */
export interface TrainerState {
  /** Optimiser steps done. */
  step: number;
  /** Complete passes over the training set. */
  epoch: number;
  /** Optimiser steps done in the pass that is under way. */
  stepInEpoch: number;
  /** Sum and count of the losses since the last log entry. */
  lossSum: number;
  lossCount: number;
  /** The same over the pass under way. */
  epochLossSum: number;
  epochLossCount: number;
  bestMetric: number | null;
  /** Step of the checkpoint with the best metric. */
  bestStep: number | null;
  evaluationsWithoutImprovement: number;
  /** Examples trained on, and seconds in training steps. */
  samples: number;
  stepSeconds: number;
  /** Wall time up to the checkpoint, evaluations and checkpoints among it, in all processes. */
  seconds: number;
  /** True once training has ended, so that resuming only evaluates. */
  finished: boolean;
  log: LogEntry[];
}

export function initialState(): TrainerState {
  return {
    step: 0,
    epoch: 0,
    stepInEpoch: 0,
    lossSum: 0,
    lossCount: 0,
    epochLossSum: 0,
    epochLossCount: 0,
    bestMetric: null,
    bestStep: null,
    evaluationsWithoutImprovement: 0,
    samples: 0,
    stepSeconds: 0,
    seconds: 0,
    finished: false,
    log: [],
  };
}

/** What a checkpoint holds besides model and tokeniser. */
export interface SavedRun {
  readonly state: TrainerState;
  readonly arguments: TrainingArguments;
  /** Identify the data: the same arguments on other data are another run. */
  readonly fingerprints: { readonly train: string; readonly validation: string };
}

const STATE_FILE = "trainer_state.json";
const MOMENTS_FILE = "optimizer.safetensors";
/** Tensors of two values beside the moments of a run in f16, as OptimiserState has them. */
const SCALING = { lossScale: "loss_scale", corrections: "bias_corrections" } as const;
const REQUIRED = ["config.json", "model.safetensors", MOMENTS_FILE, STATE_FILE];

/** The name of a step's checkpoint folder. */
export const checkpointName = (step: number): string => `checkpoint-${step}`;

/** Steps of the checkpoints in a run's folder, latest first. Damaged ones are not told apart here. */
export async function listCheckpoints(output: string): Promise<number[]> {
  const names = await readdir(output).catch(() => [] as string[]);
  return names
    .map((name) => /^checkpoint-(\d+)$/.exec(name)?.[1])
    .filter((step) => step !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

export interface Checkpointed {
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
  readonly optimiser: AdamW;
  readonly saved: SavedRun;
}

/** Writes `checkpoint-<step>` in `output` whole or not at all; earlier checkpoints stay. Returns its path. */
export async function saveCheckpoint(
  output: string,
  { model, tokenizer, optimiser, saved }: Checkpointed,
): Promise<string> {
  const path = join(output, checkpointName(saved.state.step));
  await writeFolder(path, async (folder) => {
    await savePretrained(folder, model, tokenizer);
    const moments = await optimiser.read();
    const named = (kind: "m" | "v") =>
      Array.from(model.parameters.split(moments[kind]), ([name, tensor]) => ({
        name: `${kind}.${name}`,
        ...tensor,
      }));
    const scaling = (["lossScale", "corrections"] as const).flatMap((key) => {
      const data = moments[key];
      return data ? [{ name: SCALING[key], shape: [2], data }] : [];
    });
    await writeSafetensors(join(folder, MOMENTS_FILE), [...named("m"), ...named("v"), ...scaling]);
    await writeFile(join(folder, STATE_FILE), `${JSON.stringify(saved, null, 2)}\n`);
  });
  return path;
}

async function readMoments(path: string, parameters: ParameterSet): Promise<OptimiserState> {
  const file = await openSafetensors(path);
  try {
    const moments = { m: new Float32Array(parameters.size), v: new Float32Array(parameters.size) };
    for (const kind of ["m", "v"] as const) {
      for (const [name, { data }] of parameters.split(moments[kind])) {
        const values = await file.read(`${kind}.${name}`);
        if (values.length !== data.length) {
          throw new FileError(
            path,
            `${kind}.${name} must have ${data.length} values; has ${values.length}.`,
          );
        }
        data.set(values);
      }
    }
    const read = async (name: string): Promise<Float32Array | undefined> =>
      file.tensors.has(name) ? file.read(name) : undefined;
    const lossScale = await read(SCALING.lossScale);
    return { ...moments, lossScale, corrections: await read(SCALING.corrections) };
  } finally {
    await file.close();
  }
}

/** What was saved beside the tensors. Throws FileError, naming the file, for a checkpoint that is not whole. */
export async function readCheckpoint(path: string): Promise<SavedRun> {
  await verifyFolder(path, REQUIRED);
  return JSON.parse(await readFile(join(path, STATE_FILE), "utf8")) as SavedRun;
}

/**
 * Puts a whole checkpoint's weights, moments and step count into `model` and `optimiser`. Returns what was saved with them.
 * Throws FileError for a damaged folder, or one of another model; nothing is loaded then.
 */
export async function loadCheckpoint(
  path: string,
  model: AlbertForSequenceClassification,
  optimiser: AdamW,
): Promise<SavedRun> {
  const saved = await readCheckpoint(path);
  const moments = await readMoments(join(path, MOMENTS_FILE), model.parameters);
  const { missing } = await loadWeights(join(path, "model.safetensors"), model);
  if (missing.length > 0) throw new FileError(path, `lacks ${missing.join(", ")}.`);
  optimiser.restore(moments, saved.state.step);
  return saved;
}

/**
 * Deletes old checkpoints so that `limit` stay besides the best one. Those of later steps than the run's are damaged ones,
 * which it passed over when it was resumed: they do not count, and it writes them anew.
 */
export async function pruneCheckpoints(
  output: string,
  limit: number | undefined,
  { step: now, bestStep }: Pick<TrainerState, "step" | "bestStep">,
): Promise<void> {
  if (limit === undefined) return;
  const written = (await listCheckpoints(output)).filter((step) => step <= now);
  const old = written.filter((step) => step !== bestStep).slice(limit);
  for (const step of old) await removeFolder(join(output, checkpointName(step)));
}
