// The folder a training run writes into: made, checked and locked before any work, and left as it was when nothing came of it.

import { rmdirSync } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileError } from "../engine/index.ts";
import { TUNING_FILE } from "./tuning.ts";
import { isPartial, listCheckpoints, LOCK, lockRun, LOG_FILE, RUNS } from "../train/index.ts";

/**
 * Makes the folder where it is missing, and takes it for this process. Returns the function that gives it back, and removes
 * it again when it was made here and is empty. Throws FileError when it cannot be used: it must be empty, or with `resume`
 * hold a run. Throws TrainingError when another process uses it.
 */
export async function openOutput(output: string, resume: boolean): Promise<() => void> {
  let made: string | undefined;
  try {
    made = await makeFolders(resolve(output));
  } catch (cause) {
    const { message } = cause as Error;
    throw new FileError(output, `must be a folder to write to; got ${message}.`, { cause });
  }
  let unlock: (() => void) | undefined;
  const release = (): void => {
    unlock?.();
    if (made !== undefined) removeEmpty(resolve(output), made);
  };
  try {
    unlock = lockRun(output);
    await checkContents(output, resume);
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/**
 * Makes a folder and those above it. Returns the topmost one made, undefined when all were there. Not mkdir's own `recursive`:
 * under /proc, where making a folder fails with ENOENT though all above it are there, Node 20's tries for ever.
 */
async function makeFolders(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return undefined;
  const above = dirname(path);
  const made = above === path ? undefined : await makeFolders(above);
  await mkdir(path);
  return made ?? path;
}

async function checkContents(output: string, resume: boolean): Promise<void> {
  // Locks, logs, chosen kernels and half-written checkpoints are what a run leaves that died before it had saved anything.
  const isRun = (await listCheckpoints(output)).length > 0;
  const logs = isRun ? [] : [LOG_FILE, RUNS, TUNING_FILE];
  const entries = (await readdir(output)).filter(
    (name) => !name.startsWith(LOCK) && !logs.includes(name),
  );
  if (!resume && entries.length > 0) {
    const choice = isRun ? "another --output, or --resume the run in it" : "another --output";
    throw new FileError(output, `the output folder must be empty; it is not. Choose ${choice}.`);
  }
  if (resume && !isRun && !entries.every(isPartial)) {
    throw new FileError(
      output,
      "must hold the checkpoints of a run to resume; it holds other files. Look at --output.",
    );
  }
}

/** Removes empty folders from `path` up to `top`. */
function removeEmpty(path: string, top: string): void {
  try {
    for (let folder = path; folder.length >= top.length; folder = dirname(folder)) {
      rmdirSync(folder);
    }
  } catch {
    // Something is in it: it stays.
  }
}
