// Which checkpoint a run goes on from: the latest whole one, if it is of the same run.

import { join } from "node:path";
import { FileError, TrainingError } from "../engine/index.ts";
import { type AlbertConfig, loadConfig, serializeConfig } from "../model/index.ts";
import { ArgumentError, FREE_ON_RESUME, type TrainingArguments } from "./arguments.ts";
import { checkpointName, listCheckpoints, readCheckpoint, type SavedRun } from "./checkpoint.ts";

/** What must be the same before and after. */
export interface RunIdentity extends Pick<SavedRun, "fingerprints"> {
  readonly args: TrainingArguments;
  readonly config: AlbertConfig;
}

export interface FoundCheckpoint {
  /** Step of the latest whole checkpoint; undefined when there is none. */
  readonly step: number | undefined;
  /** Why later ones were passed over. */
  readonly refused: readonly FileError[];
}

/**
 * The latest checkpoint of a run's folder that is whole, and whose best checkpoint is. Throws ArgumentError or TrainingError
 * when it is of other arguments, another model or other data, and TrainingError when there are checkpoints but none can be
 * used: to begin again would write over what is left of them.
 */
export async function findCheckpoint(output: string, now: RunIdentity): Promise<FoundCheckpoint> {
  const refused: FileError[] = [];
  for (const step of await listCheckpoints(output)) {
    const path = join(output, checkpointName(step));
    try {
      const saved = await readCheckpoint(path);
      // The model first: the preset of another one suggests other arguments, which nobody gave.
      checkSameModel(await loadConfig(path), now.config);
      checkSameArguments(saved.arguments, now.args);
      checkSameData(saved.fingerprints, now.fingerprints);
      const { bestStep } = saved.state;
      if (bestStep !== null && bestStep !== step) {
        await readCheckpoint(join(output, checkpointName(bestStep)));
      }
      return { step, refused };
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (!refused.some(({ message }) => message === error.message)) refused.push(error);
    }
  }
  const [latest] = refused;
  if (latest) {
    throw new TrainingError(
      `resume: a whole checkpoint, and the best one of its run, is needed; got ${latest.message} Put that back, or start anew in another folder.`,
      { cause: latest },
    );
  }
  return { step: undefined, refused };
}

const show = (value: string | number | boolean | undefined): string =>
  value === undefined ? "not given" : String(value);

function checkSameArguments(before: TrainingArguments, now: TrainingArguments): void {
  for (const name of Object.keys(now) as (keyof TrainingArguments)[]) {
    if (FREE_ON_RESUME.has(name) || before[name] === now[name]) continue;
    const started = `what the run to resume started with, ${show(before[name])}`;
    throw new ArgumentError(name, started, show(now[name]));
  }
}

const fieldsOf = (config: AlbertConfig): Record<string, unknown> =>
  JSON.parse(serializeConfig(config)) as Record<string, unknown>;

function checkSameModel(before: AlbertConfig, now: AlbertConfig): void {
  const [was, is] = [fieldsOf(before), fieldsOf(now)];
  for (const name of Object.keys(is)) {
    const [old, fresh] = [JSON.stringify(was[name]), JSON.stringify(is[name])];
    if (old === fresh) continue;
    throw new TrainingError(
      `resume: the model must be the one the run started with, where ${name} is ${old}; got ${fresh}.`,
    );
  }
}

function checkSameData(before: SavedRun["fingerprints"], now: SavedRun["fingerprints"]): void {
  for (const name of ["train", "validation"] as const) {
    if (before[name] === now[name]) continue;
    throw new TrainingError(
      `resume: the ${name} set must be the one the run started with; its texts, labels or tokeniser differ.`,
    );
  }
}
