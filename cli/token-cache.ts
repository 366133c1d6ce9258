// Token ids of large sets, kept between runs. A file is a line of JSON (its header), the length of each text (u16) and the
// ids (u16 or u32), little-endian as every machine that Dawn runs on.

import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { TokenizerSource } from "../model/index.ts";
import { TokenizedSet } from "../train/index.ts";
import { writeAside } from "./write-aside.ts";

// To be raised when the same text, tokeniser and length give other ids, or the file is laid out in another way.
const FORMAT = 2;
const LIMIT = 2 ** 30; // bytes of all files together
const HEADER_LIMIT = 1024;
const EXTENSION = ".tokens";
/** What another process writes has another name; it does not take so long, unless it died. */
const ABANDONED_MS = 3_600_000;

interface Header {
  readonly format: number;
  readonly key: string;
  readonly texts: number;
  readonly ids: number;
  readonly bytesPerId: number;
  /** SHA-256 of all that follows the header. */
  readonly sha256: string;
}

/** A name for the ids of these texts: SHA-256 of all they depend on. */
export function tokenKey(
  texts: readonly string[],
  { bytes, options }: TokenizerSource,
  maxLength: number,
): string {
  const { model_max_length: _, ...rules } = options; // maxLength takes its place
  const hash = createHash("sha256");
  hash.update(`${JSON.stringify({ FORMAT, options: rules, maxLength, size: bytes.length })}\n`);
  hash.update(bytes);
  for (const text of texts) {
    hash.update(`${text.length}\n`);
    hash.update(text);
  }
  return hash.digest("hex");
}

/** A folder of tokenised sets, at most `limit` bytes: those not used for the longest go. */
export class TokenCache {
  readonly folder: string;
  readonly #limit: number;

  constructor(folder: string, limit = LIMIT) {
    this.folder = folder;
    this.#limit = limit;
  }

  #path(key: string): string {
    return join(this.folder, `${key}${EXTENSION}`);
  }

  /** The set of this name; undefined where there is none, or where its file is not whole. */
  async read(key: string): Promise<TokenizedSet | undefined> {
    const path = this.#path(key);
    const file = await readFile(path).catch(() => undefined);
    const set = file && parse(file, key);
    const now = new Date();
    if (set) await utimes(path, now, now).catch(() => undefined); // a folder that is only read serves too
    return set;
  }

  /** Keeps a set. Throws what the file system says; then nothing of the name has changed. */
  async write(key: string, set: TokenizedSet): Promise<void> {
    const { flat, lengths, count, tokens } = set;
    const body = [lengths, flat].map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength));
    const header: Header = {
      format: FORMAT,
      key,
      texts: count,
      ids: tokens,
      bytesPerId: flat.BYTES_PER_ELEMENT,
      sha256: sha256(...body),
    };
    await writeAside(this.#path(key), [Buffer.from(`${JSON.stringify(header)}\n`), ...body]);
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const files = await Promise.all(
      (await readdir(this.folder)).map(async (name) => {
        const path = join(this.folder, name);
        const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
        return { path, size, mtimeMs };
      }),
    );
    let kept = 0;
    for (const { path, size, mtimeMs } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
      kept += size;
      const isLeft = !path.endsWith(EXTENSION) && Date.now() - mtimeMs > ABANDONED_MS;
      if (kept > this.#limit || isLeft) await rm(path, { force: true });
    }
  }
}

function parse(file: Buffer, key: string): TokenizedSet | undefined {
  const end = file.subarray(0, HEADER_LIMIT).indexOf("\n");
  const header = parseHeader(file.toString("latin1", 0, Math.max(0, end)));
  if (header?.format !== FORMAT || header.key !== key) return undefined;
  const { texts, ids, bytesPerId } = header;
  const body = Uint8Array.from(file.subarray(end + 1)).buffer; // its own, so that it begins at a multiple of 4
  const start = 2 * texts;
  if (body.byteLength !== start + bytesPerId * ids) return undefined;
  if (sha256(new Uint8Array(body)) !== header.sha256) return undefined;
  const bytes = body.slice(start);
  const lengths = new Uint16Array(body, 0, texts);
  if (lengths.reduce((sum, length) => sum + length, 0) !== ids) return undefined;
  return new TokenizedSet(
    bytesPerId === 4 ? new Uint32Array(bytes) : new Uint16Array(bytes),
    lengths,
  );
}

function parseHeader(text: string): Header | undefined {
  try {
    return JSON.parse(text) as Header;
  } catch {
    return undefined;
  }
}

function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
