import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileError, TrainingError } from "../engine/index.ts";
import { isRunning } from "../model/is-running.ts";
import { errorCode } from "../model/read-file.ts";

/** Name of the lock file in a run's folder. */
export const LOCK = ".lock";

/**
 * When a process started, in ticks since boot: ids are used again, times are not. "ended" of one that has and that nobody has
 * waited for (a zombie); "" where /proc does not say.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // proc(5): fields 3 and 22. The name in field 2 may hold anything, blanks and brackets too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ["Z", "X"].includes(fields[0] ?? "") ? "ended" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

/** The process that holds a lock, or undefined when that has ended. */
function holderOf(text: string): number | undefined {
  const [first = "", start = ""] = text.split(" ");
  const pid = Number(first);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (!isRunning(pid)) return undefined;
  const now = startOf(pid);
  return now !== "ended" && (start === "" || start === now) ? pid : undefined;
}

/**
 * Takes a run's folder for this process. Returns the function that gives it back. A lock left by a process that no longer
 * runs (a crash) is taken over. Throws TrainingError when a process holds it, FileError when the folder cannot be written to.
 */
export function lockRun(folder: string): () => void {
  const path = join(folder, LOCK);
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, `${process.pid} ${startOf(process.pid)}`);
    try {
      // A link appears whole or not at all: nobody can read a lock that is half written.
      while (!tryLink(own, path) && !takeOver(folder, own, path));
    } finally {
      rmSync(own, { force: true });
    }
    return () => rmSync(path, { force: true });
  } catch (error) {
    if (error instanceof TrainingError) throw error;
    throw new FileError(folder, `must be a folder to write to; got ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Puts this process's lock in the place of one whose holder has ended. False: try again. Throws TrainingError when it runs. */
function takeOver(folder: string, own: string, path: string): boolean {
  if (!requireEnded(folder, path)) return false;
  // One process at a time may do so: of two, the second would take the first one's lock for the one that was left.
  const turn = `${path}.next`;
  if (!tryLink(own, turn)) {
    if (requireEnded(folder, turn)) rmSync(turn, { force: true });
    return false;
  }
  try {
    if (!requireEnded(folder, path)) return false;
    renameSync(own, path);
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}

/** Whether there is a lock, of a process that has ended. Throws TrainingError when that runs. */
function requireEnded(folder: string, path: string): boolean {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false; // given back in between
    throw error;
  }
  const holder = holderOf(text);
  if (holder === undefined) return true;
  throw new TrainingError(
    `${folder}: one run at a time may write here; process ${holder} does. Wait for it or choose another --output.`,
  );
}
