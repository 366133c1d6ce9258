// The cache on disk, as Python's huggingface_hub lays it out, so that each finds what the other fetched:
//   models--ORG--NAME/blobs/ETAG, refs/REVISION (a commit), snapshots/COMMIT/FILE -> ../../blobs/ETAG
// https://huggingface.co/docs/huggingface_hub/guides/manage-cache

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isRunning } from "../is-running.ts";
import { errorCode } from "../read-file.ts";

const COMMIT = /^[0-9a-f]{40}$/;
// End of the name of a file in the making: host, process and number of who writes it.
const OWNED = /\.(\w+)-(\d+)-\d+\.incomplete$/;
// A body that stalls is given up long before: nobody writes to a file as old as this.
const ABANDONED_MS = 10 * 60_000;

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** The cached files of one model. */
export class ModelCache {
  readonly folder: string;

  constructor(cache: string, id: string) {
    this.folder = join(cache, `models--${id.replaceAll("/", "--")}`);
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** The commit a revision had when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, "refs", revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Remembers the commit of a revision: last of all, so that a ref never names a snapshot that is not whole. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = join(this.folder, "refs", revision);
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${randomUUID()}.incomplete`;
    await writeFile(aside, commit);
    await rename(aside, path);
  }

  async has(commit: string, file: string): Promise<boolean> {
    return (await stat(join(this.snapshot(commit), file)).catch(() => undefined)) !== undefined;
  }

  private blob(etag: string): string {
    return join(this.folder, "blobs", etag);
  }

  async hasBlob(etag: string): Promise<boolean> {
    return (await stat(this.blob(etag)).catch(() => undefined)) !== undefined;
  }

  /** Makes a file of the snapshot stand for a blob. */
  async link(commit: string, file: string, etag: string): Promise<void> {
    const path = join(this.snapshot(commit), file);
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${randomUUID()}.incomplete`;
    try {
      await symlink(relative(dirname(path), this.blob(etag)), aside);
    } catch (error) {
      // Windows without developer mode: Python copies there too.
      if (errorCode(error) !== "EPERM") throw error;
      await copyFile(this.blob(etag), aside);
    }
    await rename(aside, path);
  }

  /**
   * The path to download a blob to: what an earlier try left of it, or a name of its own. No two processes write the same
   * file: one takes it by renaming it, which only one can.
   */
  async claimPartial(etag: string): Promise<string> {
    const blobs = dirname(this.blob(etag));
    await mkdir(blobs, { recursive: true });
    const own = `${this.blob(etag)}.${HOST}-${process.pid}-${counter++}.incomplete`;
    writing.add(own);
    for (const name of await readdir(blobs)) {
      if (!name.startsWith(`${etag}.`)) continue;
      const path = join(blobs, name);
      if (name !== `${etag}.incomplete` && !(await isAbandoned(path))) continue;
      try {
        await rename(path, own);
        return own;
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error; // another process was first
      }
    }
    return own;
  }

  /** Makes a partial blob the blob. */
  async finishPartial(partial: string, etag: string): Promise<void> {
    await rename(partial, this.blob(etag));
    writing.delete(partial);
  }

  /** Leaves a partial blob for the next try, whoever makes it. */
  async leavePartial(partial: string, etag: string): Promise<void> {
    await rename(partial, `${this.blob(etag)}.incomplete`).catch(() => undefined); // nothing was written
    writing.delete(partial);
  }
}

const HOST = hostname().replaceAll(/\W/g, "_");
let counter = 0;
/** What this process writes just now. */
const writing = new Set<string>();

async function isAbandoned(path: string): Promise<boolean> {
  const [, host, pid] = OWNED.exec(path) ?? [];
  if (host === undefined || writing.has(path)) return false;
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) return false;
  if (Date.now() - there.mtimeMs > ABANDONED_MS) return true;
  // Of this process's number, but not in `writing`: an earlier process had it.
  return host === HOST && (Number(pid) === process.pid || !isRunning(Number(pid)));
}
