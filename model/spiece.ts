// Reads spiece.model, a SentencePiece model in protobuf's wire format: the pieces and what a converter needs, no more.
// Field numbers: https://github.com/google/sentencepiece/blob/v0.2.0/src/sentencepiece_model.proto
// Wire format: https://protobuf.dev/programming-guides/encoding/

import { FileError } from "../engine/errors.ts";

/** `type` of a piece, by the numbers of the format. */
export const PIECE_TYPE = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** One entry of the vocabulary; its id is its index. `score` is a log probability. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

/** What this project reads of a SentencePiece unigram model. */
export interface SpieceModel {
  readonly pieces: readonly Piece[];
  /** The compiled normalisation rules (a double-array trie and its strings); empty for the identity. */
  readonly charsmap: Uint8Array;
}

/** True of pieces such as "▁2010,". ALBERT never uses them: it wants the number and the comma apart. */
export function endsInDigitComma(piece: string): boolean {
  return /\p{Nd},$/u.test(piece);
}

interface Field {
  readonly number: number;
  /** The value of a varint or fixed field, 0 for a length-delimited one. */
  readonly value: number;
  /** The bytes of a length-delimited field, else the 4 or 8 bytes of a fixed one. */
  readonly bytes: Uint8Array;
}

const MODEL_TYPES = ["none", "unigram", "BPE", "word", "char"];

/**
 * Parses the bytes of a spiece.model; `path` is only for messages. Throws FileError if they are not a SentencePiece
 * model, or one whose word boundaries or algorithm differ from ALBERT's (BPE, bytes as fallback, no "▁" in front).
 */
export function parseSpiece(bytes: Uint8Array, path: string): SpieceModel {
  const fail = (problem: string, cause?: unknown): never => {
    throw new FileError(path, `must be a SentencePiece model (spiece.model); ${problem}.`, {
      cause,
    });
  };
  if (bytes.length === 0) fail("the file is empty");
  let model: SpieceModel | string;
  try {
    model = readModel(bytes);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    return fail(cause.message, cause);
  }
  return typeof model === "string" ? fail(model) : model;
}

/** Not protobuf; `message` completes the sentence of parseSpiece. */
class WireError extends Error {}

/** The model, or what makes it unfit. */
function readModel(bytes: Uint8Array): SpieceModel | string {
  const pieces: Piece[] = [];
  let charsmap: Uint8Array = new Uint8Array(0);
  for (const field of fields(bytes)) {
    if (field.number === 1) pieces.push(readPiece(field.bytes));
    else if (field.number === 2) {
      for (const { number, value } of fields(field.bytes)) {
        if (number === 3 && value !== 1)
          return `got a ${MODEL_TYPES[value] ?? "new kind of"} model, not unigram`;
        if (number === 24 && value !== 0) return "got one with treat_whitespace_as_suffix";
      }
    } else if (field.number === 3) {
      for (const { number, value, bytes: map } of fields(field.bytes)) {
        if (number === 2) charsmap = map;
        if (number === 3 && value === 0) return "got one without add_dummy_prefix";
        if (number === 5 && value === 0) return "got one without escape_whitespaces";
      }
    }
  }
  if (pieces.length === 0) return "got a file without pieces";
  const seen = new Set<string>();
  for (const { text, score, type } of pieces) {
    if (text === "" || seen.has(text))
      return `got ${text === "" ? "an empty piece" : `"${text}" twice`}`;
    if (!Number.isFinite(score)) return `got the score ${score} for "${text}"`;
    if (type === PIECE_TYPE.byte) return "got one with byte fallback";
    seen.add(text);
  }
  const unknown = pieces.filter(({ type }) => type === PIECE_TYPE.unknown).length;
  if (unknown !== 1) return `got ${unknown} pieces of type unknown instead of one`;
  return { pieces, charsmap };
}

function readPiece(bytes: Uint8Array): Piece {
  let text = "";
  let score = 0;
  let type: number = PIECE_TYPE.normal;
  for (const field of fields(bytes)) {
    if (field.number === 1) text = utf8(field.bytes);
    else if (field.number === 2) {
      if (field.bytes.length !== 4) throw new WireError("got a score that is not a 32-bit float");
      score = new DataView(field.bytes.buffer, field.bytes.byteOffset).getFloat32(0, true);
    } else if (field.number === 3) type = field.value;
  }
  return { text, score, type };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WireError("got a piece that is not UTF-8", { cause });
  }
}

/** The fields of one message, in file order. Throws WireError where the bytes break the wire format. */
function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new WireError("got other or truncated content");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const varint = (): number => {
    let value = 0;
    // 10 bytes hold 64 bits. Beyond 2^53 the value is rounded: too long for any length, and of no use here else.
    for (let i = 0; i < 10; i++) {
      const byte = take(1)[0] ?? 0;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw new WireError("got other content");
  };
  const none = bytes.subarray(0, 0);
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    if (number === 0) throw new WireError("got other content");
    if (key % 8 === 0) yield { number, value: varint(), bytes: none };
    else if (key % 8 === 1) yield { number, value: 0, bytes: take(8) };
    else if (key % 8 === 2) yield { number, value: 0, bytes: take(varint()) };
    else if (key % 8 === 5) yield { number, value: 0, bytes: take(4) };
    else throw new WireError("got other content");
  }
}
