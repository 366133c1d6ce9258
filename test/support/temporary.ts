// Vitest's global set-up: one folder for what tests write for a while. It goes when they end, with all that a test left or
// was stopped before removing.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A short name: tsx puts sockets there, whose paths may have 104 characters on macOS.
const folder = mkdtempSync(join(tmpdir(), "albert-gpu-"));

/** Makes the folder the `tmpdir()` of every test, and of the processes it starts. */
export function setup(): void {
  process.env["TMPDIR"] = folder;
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
