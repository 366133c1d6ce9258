// Remembers between processes, in the cache folder, that the machine's own drivers gave no adapter and what did.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Our loader with the machine's drivers, or our loader with SwiftShader. */
export type CachedWay = "loader" | "swiftshader";

/** What was chosen, and the state of the machine's drivers then (see systemDrivers). */
export interface Decision {
  readonly way: CachedWay;
  readonly drivers: string;
}

/** The folder for what can be made or fetched again: albert-gpu under XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env["XDG_CACHE_HOME"] || join(env["HOME"] ?? homedir(), ".cache"), "albert-gpu");
}

/** The remembered decision; undefined where there is none or it cannot be read, which only costs a new probe. */
export function readDecision(cache: string): Decision | undefined {
  try {
    const { way, drivers } = JSON.parse(readFileSync(fileOf(cache), "utf8")) as Partial<Decision>;
    const known = way === "loader" || way === "swiftshader";
    return known && typeof drivers === "string" ? { way, drivers } : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a decision; written aside and renamed, for other processes may be reading it. */
export function writeDecision(cache: string, decision: Decision): void {
  mkdirSync(cache, { recursive: true });
  const aside = `${fileOf(cache)}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(decision)}\n`);
  renameSync(aside, fileOf(cache));
}

/** Forgets the decision: the machine's own driver is to be used. */
export function dropDecision(cache: string): void {
  rmSync(fileOf(cache), { force: true });
}

function fileOf(cache: string): string {
  return join(cache, "driver.json");
}
