// The safetensors format: an 8-byte length, a JSON header, then the tensors' bytes, little endian, without gaps.
// https://github.com/huggingface/safetensors/tree/v0.6.2#format. A file is data from elsewhere: nothing in its
// header is believed before it is checked against the file, and names are never used as paths.

import type { FileHandle } from "node:fs/promises";
import { open, rename, rm } from "node:fs/promises";
import { FileError, ShapeError } from "../engine/errors.ts";
import { refuseLfsPointer } from "./lfs-pointer.ts";
import { reason } from "./read-file.ts";
import type { Header, TensorInfo } from "./safetensors-header.ts";
import { formatHeader, MAX_HEADER_BYTES, parseHeader } from "./safetensors-header.ts";

export type { TensorInfo } from "./safetensors-header.ts";

const CHUNK_BYTES = 16 * 2 ** 20;

/** One tensor to write: values in row-major order, as many as `shape` has elements. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Opens the weights file at `path` and checks its header; tensors are read one by one. The caller closes it.
 * Throws FileError if the file is missing, truncated, a git-LFS pointer or not consistent with itself.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw new FileError(path, `must be a readable safetensors file; ${reason(cause)}.`, { cause });
  }
  try {
    return new SafetensorsFile(path, file, await readHeader(path, file));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** An open weights file. */
export class SafetensorsFile {
  readonly path: string;
  /** What the file says about its tensors, by name and in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The strings under "__metadata__". */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: FileHandle;
  readonly #dataStart: number;

  constructor(path: string, file: FileHandle, header: Header & { readonly dataStart: number }) {
    this.path = path;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
    this.#file = file;
    this.#dataStart = header.dataStart;
  }

  /**
   * The values of a tensor in row-major order, from F32, F16 or BF16; the caller owns the array. Throws FileError for
   * other element types, an unknown name, or a file that has changed since it was opened.
   */
  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const info = this.tensors.get(name);
    if (!info) throw new FileError(this.path, `must have the tensor ${name}; it has not.`);
    const start = this.#dataStart + info.begin;
    const bytes = info.end - info.begin;
    if (info.dtype === "F32") {
      const out = new Float32Array(bytes / 4);
      await readFully(this.path, this.#file, new Uint8Array(out.buffer), start);
      return out;
    }
    const widen = WIDEN.get(info.dtype);
    if (!widen) {
      throw new FileError(this.path, `${name} must be F32, F16 or BF16; got ${info.dtype}.`);
    }
    const out = new Float32Array(bytes / 2);
    const bits = new Uint32Array(out.buffer);
    const chunk = new Uint16Array(Math.min(CHUNK_BYTES, bytes) / 2);
    for (let at = 0; at < out.length; at += chunk.length) {
      const part = chunk.subarray(0, out.length - at);
      const view = new Uint8Array(part.buffer, 0, part.byteLength);
      await readFully(this.path, this.#file, view, start + 2 * at);
      for (const [i, half] of part.entries()) bits[at + i] = widen(half);
    }
    return out;
  }

  /** Closes the file; reading fails from then on. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The bits of a float32 from those of a 16-bit float, by element type. */
const WIDEN: ReadonlyMap<string, (half: number) => number> = new Map([
  ["BF16", (half: number) => half << 16],
  ["F16", widenF16],
]);

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits; binary32 has 8 (bias 127) and 23.
function widenF16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // a subnormal half is a normal float once its first 1 is shifted out
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

async function readHeader(
  path: string,
  file: FileHandle,
): Promise<Header & { readonly dataStart: number }> {
  const stats = await file.stat();
  if (!stats.isFile())
    throw new FileError(path, "must be a safetensors file; it is no regular file.");
  const start = Buffer.alloc(64);
  await readFully(path, file, start.subarray(0, Math.min(64, stats.size)), 0);
  refuseLfsPointer(start, path);
  if (stats.size < 8) {
    throw new FileError(
      path,
      `must be a safetensors file; it is cut off after ${stats.size} bytes.`,
    );
  }
  const length = Number(start.readBigUInt64LE(0));
  if (length > MAX_HEADER_BYTES) {
    throw new FileError(
      path,
      `must be a safetensors file with a header of at most ${MAX_HEADER_BYTES} bytes; got ${length}.`,
    );
  }
  if (length > stats.size - 8) {
    throw new FileError(
      path,
      `must hold its header of ${length} bytes; it is cut off after ${stats.size}.`,
    );
  }
  const bytes = new Uint8Array(length);
  await readFully(path, file, bytes, 8);
  const dataStart = 8 + length;
  return { ...parseHeader(bytes, stats.size - dataStart, path), dataStart };
}

/** Fills `into` from byte `position` on. Throws FileError if the file ends before. */
async function readFully(
  path: string,
  file: FileHandle,
  into: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const length = Math.min(CHUNK_BYTES, into.length - done);
    let bytesRead: number;
    try {
      ({ bytesRead } = await file.read(into, done, length, position + done));
    } catch (cause) {
      throw new FileError(path, `must be readable to its end; ${reason(cause)}.`, { cause });
    }
    if (bytesRead === 0) {
      throw new FileError(
        path,
        `must not change while it is read; it ends at byte ${position + done}.`,
      );
    }
    done += bytesRead;
  }
}

/**
 * Writes float32 tensors in the layout of the Python library: sorted by name, header padded to 8 bytes. The file is
 * written aside, flushed to the disk and then renamed, so `path` never holds half of it. Throws ShapeError
 * if a tensor's data does not fit its shape, FileError if writing fails or a name comes twice.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const [i, { name, shape, data }] of sorted.entries()) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) {
      throw new ShapeError(
        `writeSafetensors: ${name} must have as many values as [${shape.join(", ")}]; got ${data.length}.`,
      );
    }
    if (name === "__metadata__" || sorted[i + 1]?.name === name) {
      throw new FileError(path, `tensor names must differ and not be __metadata__; got ${name}.`);
    }
  }
  const aside = `${path}.partial`;
  try {
    const file = await open(aside, "w");
    try {
      await writeFully(file, formatHeader(sorted, metadata));
      for (const { data } of sorted) {
        await writeFully(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (cause) {
    await rm(aside, { force: true });
    throw new FileError(path, `must take the weights; ${reason(cause)}.`, { cause });
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(CHUNK_BYTES, bytes.length - done);
    done += (await file.write(bytes, done, length)).bytesWritten;
  }
}
