// One file from the hub to disk: goes on where an earlier try ended, and is checked before it counts.

import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { backOff, type Client, HubError, innermost } from "./client.ts";

/** A file as the hub lists it. */
export interface RemoteFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** sha256 of a large (LFS) file, else git's sha1 of its content; the name of the blob in the cache. */
  readonly etag: string;
}

/** git hashes a header with the content: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. */
function startHash({ etag, size }: RemoteFile): Hash {
  return etag.length === 64
    ? createHash("sha256")
    : createHash("sha1").update(`blob ${size}\0`, "latin1");
}

/**
 * Downloads `url` to `partial`, after the bytes that are in it already. `onBytes` gets the number of bytes there are.
 * A body that ends early or stalls is asked for again from there, as often as the client tries.
 * Throws HubError when that does not help: `partial` keeps what came. Throws it too for a wrong checksum, and removes
 * `partial`: unless an earlier try began it, which is thrown away and fetched again from the start.
 */
export async function transfer(
  { fetch, attempts }: Client,
  url: string,
  file: RemoteFile,
  partial: string,
  onBytes: (have: number) => void,
): Promise<void> {
  let have = (await stat(partial).catch(() => undefined))?.size ?? 0;
  let hash = startHash(file);
  const handle = await open(partial, "a");
  try {
    const restart = async (): Promise<void> => {
      await handle.truncate(0);
      have = 0;
      hash = startHash(file);
    };
    let resumed = have > 0;
    if (have > file.size) await restart();
    else if (have > 0)
      for await (const chunk of createReadStream(partial)) hash.update(chunk as Buffer);
    onBytes(have);
    for (let failures = 0; ;) {
      if (have < file.size) {
        const response = await ask(fetch, url, have);
        if (have > 0 && !goesOnAt(response, have)) await restart();
        const failure = await append(handle, response, file.size - have, (chunk) => {
          hash.update(chunk);
          have += chunk.length;
          onBytes(have);
        });
        if (have < file.size) {
          if (++failures < attempts) {
            await backOff(failures);
            continue;
          }
          throw new HubError(
            `${file.path} ended after ${have} of ${file.size} bytes${failure === undefined ? "" : ` (${failure})`}. What came is kept: the same command goes on from there`,
          );
        }
      }
      const digest = hash.digest("hex");
      if (digest === file.etag) break;
      if (!resumed) {
        await rm(partial);
        throw new HubError(
          `${file.path} must have the checksum ${file.etag}; got ${digest}. It was damaged on the way: nothing of it was kept`,
        );
      }
      resumed = false;
      await restart();
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Asks for a file from byte `start`. */
async function ask(fetch: Client["fetch"], url: string, start: number): Promise<Response> {
  const headers = { "accept-encoding": "identity" }; // bytes as they are: compressed ones have other offsets
  if (start === 0) return fetch(url, { headers });
  try {
    return await fetch(url, { headers: { ...headers, range: `bytes=${start}-` } });
  } catch (error) {
    if (!(error instanceof HubError) || error.status !== 416) throw error;
    return fetch(url, { headers });
  }
}

function goesOnAt({ status, headers }: Response, start: number): boolean {
  return status === 206 && (headers.get("content-range") ?? "").startsWith(`bytes ${start}-`);
}

/** Writes a body's pieces, `most` bytes at most. Returns why the connection ended early, if it did. */
async function append(
  handle: FileHandle,
  { body }: Response,
  most: number,
  onChunk: (chunk: Uint8Array) => void,
): Promise<string | undefined> {
  if (!body) return "no body";
  const reader = body.getReader();
  let left = most;
  while (left > 0) {
    let next;
    try {
      next = await reader.read();
    } catch (error) {
      return innermost(error);
    }
    if (next.done) return undefined;
    const chunk = next.value.subarray(0, left);
    await handle.appendFile(chunk);
    onChunk(chunk);
    left -= chunk.length;
  }
  await reader.cancel().catch(() => undefined);
  return undefined;
}
