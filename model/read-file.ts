// Whole files of the model folder, with errors that say what is wrong with which file.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../engine/errors.ts";
import { refuseLfsPointer } from "./lfs-pointer.ts";

/** The code of a file system error ("ENOENT"), or "" for anything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** `dirOrFile` itself if it is a file, else the path of `name` in that folder. Throws FileError if it does not exist. */
export async function resolveInFolder(dirOrFile: string, name: string): Promise<string> {
  try {
    return (await stat(dirOrFile)).isDirectory() ? join(dirOrFile, name) : dirOrFile;
  } catch (cause) {
    throw new FileError(
      dirOrFile,
      `must be a folder with ${name}, or such a file; ${reason(cause)}.`,
      { cause },
    );
  }
}

/** The bytes of the file at `path`. Throws FileError if it is missing, unreadable or a git-LFS pointer. */
export async function readModelFile(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FileError(path, `must be a readable file; ${reason(cause)}.`, { cause });
  }
  refuseLfsPointer(bytes, path);
  return bytes;
}

/** The parsed JSON of the file at `path`. Throws FileError as readModelFile, and for invalid UTF-8 or JSON. */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readModelFile(path);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FileError(path, `must hold JSON; ${reason(cause)}.`, { cause });
  }
}

/** What went wrong, in words fit for the end of a sentence. */
export function reason(cause: unknown): string {
  const code = errorCode(cause);
  if (code === "ENOENT") return "it does not exist";
  if (code === "EISDIR") return "it is a folder";
  return cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
}
