import { AlbertGpuError } from "../engine/index.ts";

/** The command line cannot be carried out as written: exit code 2. */
export class UsageError extends AlbertGpuError {}

/** The user ended the run: exit code 130, as shells count SIGINT. */
export class Interrupted extends AlbertGpuError {}

export const EXIT = { done: 0, failure: 1, usage: 2, interrupted: 130 } as const;
