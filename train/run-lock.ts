import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainingError } from "../engine/index.ts";

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 asks, it does not disturb
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Takes a run's folder for this process. Returns the function that gives it back. A lock left by a process that no longer
 * runs (a crash) is taken over. Throws TrainingError when another process holds it.
 */
export function lockRun(folder: string): () => void {
  const path = join(folder, ".lock");
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(readFileSync(path, "utf8"));
    if (Number.isSafeInteger(holder) && holder > 0 && holder !== process.pid && isRunning(holder)) {
      throw new TrainingError(
        `${folder}: one run at a time may write here; process ${holder} does. Wait for it or choose another --output.`,
      );
    }
    rmSync(path, { force: true });
  }
}
