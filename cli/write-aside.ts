import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file that other processes may be reading or writing too: aside, then renamed, so that it is whole or as it was.
 * Makes its folder. Throws what the file system says, and leaves nothing behind then.
 */
export async function writeAside(
  path: string,
  content: string | readonly Uint8Array[],
): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(aside, content);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw error;
  }
}
