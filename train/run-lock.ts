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
      while (!tryLink(own, path)) removeStale(folder, path);
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

/** Throws TrainingError when the lock's holder runs. */
function removeStale(folder: string, path: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    const text = readFileSync(path, "utf8");
    const holder = holderOf(text);
    if (holder !== undefined) {
      throw new TrainingError(
        `${folder}: one run at a time may write here; process ${holder} does. Wait for it or choose another --output.`,
      );
    }
    renameSync(path, aside);
    // Another process may have taken the stale lock over meanwhile; then this one is its, and goes back.
    if (readFileSync(aside, "utf8") !== text) tryLink(aside, path);
    rmSync(aside);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error; // given back in between: try again
  }
}
