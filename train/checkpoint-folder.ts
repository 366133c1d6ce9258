// Folders that are either whole or not there: written aside with a manifest of checksums, synced, then renamed.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { FileError } from "../engine/index.ts";

const MANIFEST = "manifest.json";

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

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes the folder `path` by letting `write` fill a folder beside it. When this returns the files and the rename are on
 * disk; when it throws (a full disk, a signal) nothing of the name is there, and other folders are untouched.
 */
export async function writeFolder(
  path: string,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await write(partial);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of (await readdir(partial)).sort()) {
      await sync(join(partial, name));
      files[name] = await checksum(join(partial, name));
    }
    const manifest: Manifest = { files };
    await writeFile(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await sync(join(partial, MANIFEST));
    await rm(path, { recursive: true, force: true });
    await rename(partial, path);
    await sync(join(path, ".."));
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** Throws FileError, naming the file, unless every file of the folder is there and has the bytes it was written with. */
export async function verifyFolder(path: string): Promise<void> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(path, MANIFEST), "utf8")) as Manifest;
  } catch (cause) {
    throw new FileError(
      join(path, MANIFEST),
      "cannot be read, so the checkpoint cannot be trusted.",
      { cause },
    );
  }
  for (const [name, expected] of Object.entries(manifest.files ?? {})) {
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
