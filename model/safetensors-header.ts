// The JSON header of a safetensors file: what it may say, and how it is written.

import { FileError } from "../engine/errors.ts";

/** The Python library's own limit; a larger header is taken for an attack or another kind of file. */
export const MAX_HEADER_BYTES = 100_000_000;

/** What a file says about one tensor. Bytes count from the end of the header. */
export interface TensorInfo {
  /** Such as "F32"; every type may be listed, few can be read. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A checked header. */
export interface Header {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bits per element; a type that is missing here is not checked for its size. */
const BITS: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((dtype) => [dtype, 8] as const),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 16] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 32] as const),
  ...["I64", "U64", "F64", "C64"].map((dtype) => [dtype, 64] as const),
]);

const METADATA = "__metadata__";

/**
 * Parses and checks a header in front of `dataBytes` bytes of tensors; `path` is only for messages. Throws FileError
 * unless the tensors fill those bytes exactly, without overlap or gap, each as its shape and type require.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, path: string): Header {
  const fail = (problem: string, cause?: unknown): never => {
    throw new FileError(path, `must be a safetensors file; ${problem}.`, { cause });
  };
  let text = "";
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    fail("its header is not JSON", cause);
  }
  if (!isObject(json)) return fail("its header is not a JSON object");
  const twice = firstRepeatedKey(text);
  if (twice !== undefined) fail(`it names ${twice} twice`);

  const entries: [string, TensorInfo][] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) {
      if (!isObject(value) || !isStrings(value)) return fail(`its ${METADATA} are not strings`);
      metadata = value;
    } else {
      const info = readInfo(value);
      if (typeof info === "string") return fail(`${name} has ${info}`);
      entries.push([name, info]);
    }
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const [name, info] of entries) {
    if (info.begin !== end) {
      const fault = info.begin < end ? "overlaps the tensor before it" : "leaves a gap before it";
      fail(`${name} ${fault}: it begins at byte ${info.begin}, not ${end}`);
    }
    end = info.end;
  }
  if (end > dataBytes) fail(`it is truncated: its tensors take ${end} bytes, it has ${dataBytes}`);
  if (end < dataBytes) fail(`it has ${dataBytes - end} bytes after its last tensor`);
  return { tensors: new Map(entries), metadata };
}

/** The info, or what is wrong with it. */
function readInfo(value: unknown): TensorInfo | string {
  if (!isObject(value)) return "no description";
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return "no dtype";
  if (!isSizes(shape)) return `the shape ${JSON.stringify(shape) ?? "of nothing"}`;
  const [begin, end, more] = isSizes(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || more !== undefined || begin > end) {
    return `the data_offsets ${JSON.stringify(offsets) ?? "of nothing"}`;
  }
  const bits = BITS.get(dtype);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (bits !== undefined && (elements * bits) / 8 !== end - begin) {
    return `${end - begin} bytes, but ${dtype} [${shape.join(", ")}] takes ${(elements * bits) / 8}`;
  }
  return { dtype, shape, begin, end };
}

/**
 * The bytes of length and header for float32 tensors that follow each other in the given order, padded with blanks so
 * that the tensors begin at a multiple of 8.
 */
export function formatHeader(
  tensors: Iterable<{
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array;
  }>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, object][] = [[METADATA, metadata]];
  let begin = 0;
  for (const { name, shape, data } of tensors) {
    const end = begin + data.byteLength;
    entries.push([name, { dtype: "F32", shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  // Built by hand: an object would put names that look like integers first.
  const fields = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const out = Buffer.alloc(8 + padded, " ");
  out.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(out, 8);
  return out;
}

// JSON.parse keeps the last of equal keys, so a second look at the (valid) text is needed to see them.
function firstRepeatedKey(json: string): string | undefined {
  const keys = new Set<string>();
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === '"') {
      const start = at++;
      while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
      if (depth !== 1) continue;
      // Values at depth 1 are objects, so every string there is a key.
      const key = String(JSON.parse(json.slice(start, at + 1)));
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: object): value is Readonly<Record<string, string>> {
  return Object.values(value).every((entry) => typeof entry === "string");
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
