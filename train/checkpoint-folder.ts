// Folders that are either whole or not there: written aside with a manifest of checksums, synced, then renamed.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { FileError } from "../engine/index.ts";

const MANIFEST = "manifest.json";
const PARTIAL = ".partial";
/** A folder while another takes its name. */
const REPLACED = `.replaced${PARTIAL}`;

interface Manifest {
  readonly files: Readonly<Record<string, { bytes: number; sha256: string }>>;
}

async function checksum(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      hash.update(chunk);
    }
  });
  return { bytes, sha256: hash.digest("hex") };
}

const GO_ON = "then run the same command with --resume";

/** A full disk or a folder that cannot be written to, as an error that says what to do; anything else as it is. */
export function writingProblem(path: string, error: unknown, remedy = GO_ON): unknown {
  const { code, cause } = error as NodeJS.ErrnoException;
  const systemCode = code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
  if (systemCode === undefined) return error;
  const what = systemCode === "ENOSPC" ? "the disk is full (ENOSPC)" : (error as Error).message;
  return new FileError(
    path,
    `must be written whole; ${what}. What was written before is untouched: make room, ${remedy}.`,
    { cause: error },
  );
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** Gives a folder that was replaced its name back, or deletes it where the new one has the name. */
async function settle(path: string): Promise<void> {
  const replaced = `${path}${REPLACED}`;
  const taken = await lstat(path).catch(() => undefined);
  if (taken) await remove(replaced);
  else await rename(replaced, path);
}

/**
 * Renames a folder to `path`. A rename does not replace a folder that has something in it, so an older one of the name steps
 * aside first: of a process that dies at any place in between, one of the two is left whole, and `clearLeftovers` finds it.
 */
async function renameOver(partial: string, path: string): Promise<void> {
  const replaced = `${path}${REPLACED}`;
  await remove(replaced);
  const older = await lstat(path).catch(() => undefined);
  if (older) await rename(path, replaced);
  try {
    await rename(partial, path);
    await sync(join(path, ".."));
  } finally {
    if (older) await settle(path);
  }
}

/**
 * Makes the folder `path` by letting `write` fill a folder beside it. When this returns the files and the rename are on
 * disk; when it throws (a full disk, a signal) an older folder of the name is as it was, and so are others.
 */
export async function writeFolder(
  path: string,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const partial = `${path}${PARTIAL}`;
  try {
    await remove(partial);
    await mkdir(partial, { recursive: true });
    await write(partial);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of (await readdir(partial)).sort()) {
      await sync(join(partial, name));
      files[name] = await checksum(join(partial, name));
    }
    const manifest: Manifest = { files };
    await writeFile(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await sync(join(partial, MANIFEST));
    await renameOver(partial, path);
  } catch (error) {
    await remove(partial).catch(() => undefined);
    throw writingProblem(path, error);
  }
}

/**
 * Adds the files that `write` makes to an existing folder: filled aside, synced, then renamed one by one, so that the
 * folder never holds half a file. When it throws, nothing of them is there but what was renamed before.
 * @param remedy what to do when there is room again, for the error
 */
export async function writeFilesInto(
  folder: string,
  write: (aside: string) => Promise<void>,
  remedy?: string,
): Promise<void> {
  const partial = join(folder, PARTIAL);
  try {
    await remove(partial);
    await mkdir(partial);
    await write(partial);
    const names = await readdir(partial);
    for (const name of names) await sync(join(partial, name));
    for (const name of names) await rename(join(partial, name), join(folder, name));
    await sync(folder);
  } catch (error) {
    throw writingProblem(folder, error, remedy);
  } finally {
    await remove(partial).catch(() => undefined);
  }
}

/** Deletes a folder, whole or, to `clearLeftovers`, not yet: a process may die while it does. Throws FileError. */
export async function removeFolder(path: string): Promise<void> {
  const partial = `${path}${PARTIAL}`;
  try {
    await remove(partial);
    await rename(path, partial);
    await remove(partial);
  } catch (error) {
    throw writingProblem(path, error);
  }
}

/** Whether a name in a run's folder is a leftover of a process that died while it wrote. */
export function isPartial(name: string): boolean {
  return name.endsWith(PARTIAL);
}

/**
 * Deletes what processes that died left half written in a folder, and gives those folders back their names that were about
 * to be replaced. Call it with the folder's lock held.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter(isPartial)) {
    const path = join(folder, name);
    if (name.endsWith(REPLACED)) await settle(path.slice(0, -REPLACED.length));
    else await remove(path);
  }
}

async function readManifest(path: string): Promise<Map<string, { bytes: number; sha256: string }>> {
  try {
    const { files } = JSON.parse(await readFile(path, "utf8")) as Manifest;
    return new Map(Object.entries(files));
  } catch (cause) {
    throw new FileError(path, "cannot be read, so the checkpoint cannot be trusted.", { cause });
  }
}

/**
 * Throws FileError, naming the file, unless every file of the folder's manifest is there and has the bytes it was written
 * with. `required` must be among them: a damaged manifest may name too few.
 */
export async function verifyFolder(path: string, required: readonly string[] = []): Promise<void> {
  const files = await readManifest(join(path, MANIFEST));
  for (const name of required) {
    if (!files.has(name)) {
      throw new FileError(join(path, MANIFEST), `must list ${name}; it does not. It is damaged.`);
    }
  }
  for (const [name, expected] of files) {
    const file = join(path, name);
    const found = await checksum(file).catch(() => undefined);
    if (!found) throw new FileError(file, "is missing from the checkpoint.");
    if (found.bytes !== expected.bytes) {
      throw new FileError(file, `must have ${expected.bytes} bytes; has ${found.bytes}.`);
    }
    if (found.sha256 !== expected.sha256) {
      throw new FileError(file, "is damaged: its checksum is not the one it was written with.");
    }
  }
}
