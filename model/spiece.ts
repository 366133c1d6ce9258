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

/**
 * The score of a piece in Hugging Face's tokenizers library: 100 lower for those such as "▁2010,", which no path survives.
 * ALBERT wants the number and the comma apart.
 */
export function fastScore({ text, score }: Piece): number {
  return /\p{Nd},$/u.test(text) ? score - 100 : score;
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

/** The bytes of a model, whose pieces are `pieces`, with the scores that AlbertTokenizerFast gives them. */
export function withFastScores(bytes: Uint8Array, pieces: readonly Piece[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let done = 0; // all before it is in `parts`
  let id = 0;
  const field = new Fields(bytes);
  while (field.next()) {
    const { number, start, from, to } = field;
    const piece = number === 1 ? pieces[id++] : undefined;
    const score = piece && fastScore(piece);
    // Field 4 has texts with the pieces they became as the model was trained, of which SentencePiece wants to see the same.
    if (score === piece?.score && number !== 4) continue;
    parts.push(bytes.subarray(done, start));
    done = to;
    if (score === undefined) continue;
    const last = Uint8Array.of(2 * 8 + 5, 0, 0, 0, 0); // of two scores in a message the last counts
    new DataView(last.buffer).setFloat32(1, score, true);
    const head = Uint8Array.of(1 * 8 + 2, ...varint(to - from + last.length));
    parts.push(head, bytes.subarray(from, to), last);
  }
  return Buffer.concat([...parts, bytes.subarray(done)]);
}

/** Not protobuf; `message` completes the sentence of parseSpiece. */
class WireError extends Error {}

/** The model, or what makes it unfit. */
function readModel(bytes: Uint8Array): SpieceModel | string {
  const pieces: Piece[] = [];
  let charsmap: Uint8Array = new Uint8Array(0);
  const field = new Fields(bytes);
  while (field.next()) {
    const part = new Fields(bytes, field.from, field.to);
    if (field.number === 1) pieces.push(readPiece(bytes, part));
    else if (field.number === 2) {
      while (part.next()) {
        if (part.number === 3 && part.value !== 1)
          return `got a ${MODEL_TYPES[part.value] ?? "new kind of"} model, not unigram`;
        if (part.number === 24 && part.value !== 0)
          return "got one with treat_whitespace_as_suffix";
      }
    } else if (field.number === 3) {
      while (part.next()) {
        if (part.number === 2) charsmap = bytes.subarray(part.from, part.to);
        if (part.number === 3 && part.value === 0) return "got one without add_dummy_prefix";
        if (part.number === 5 && part.value === 0) return "got one without escape_whitespaces";
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

function readPiece(bytes: Uint8Array, field: Fields): Piece {
  let text = "";
  let score = 0;
  let type: number = PIECE_TYPE.normal;
  while (field.next()) {
    const { number, value, from, to } = field;
    if (number === 1) text = utf8(bytes.subarray(from, to));
    else if (number === 2) {
      if (to - from !== 4) throw new WireError("got a score that is not a 32-bit float");
      score = new DataView(bytes.buffer, bytes.byteOffset + from).getFloat32(0, true);
    } else if (number === 3) type = value;
  }
  return { text, score, type };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new WireError("got a piece that is not UTF-8", { cause });
  }
}

/** A whole number as the format writes it: 7 bits a byte, the lowest first. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** The fields of a message, which is bytes from `at` to `end`, one after the other: 120,000 objects would take 0.1 s. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  number = 0;
  /** The value of a varint, 0 of other kinds. */
  value = 0;
  /** Where the field starts, its content (nothing behind a varint) starts, and both end. */
  start = 0;
  from = 0;
  to: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#end = end;
    this.to = at;
  }

  /** Goes on to the next field; false behind the last. Throws WireError where the bytes break the wire format. */
  next(): boolean {
    if (this.to === this.#end) return false;
    this.start = this.to;
    const key = this.#varint();
    const kind = key % 8;
    this.number = Math.floor(key / 8);
    if (this.number === 0) throw new WireError("got other content");
    const value = kind === 0 || kind === 2 ? this.#varint() : 0;
    this.value = kind === 0 ? value : 0;
    this.from = this.to;
    if (kind === 1) this.#skip(8);
    else if (kind === 2) this.#skip(value);
    else if (kind === 5) this.#skip(4);
    else if (kind !== 0) throw new WireError("got other content");
    return true;
  }

  #skip(length: number): void {
    if (length > this.#end - this.to) throw new WireError("got other or truncated content");
    this.to += length;
  }

  #varint(): number {
    let value = 0;
    // 10 bytes hold 64 bits. Beyond 2^53 the value is rounded: too long for any length, and of no use here else.
    for (let i = 0; i < 10; i++) {
      this.#skip(1);
      const byte = this.#bytes[this.to - 1] ?? 0;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw new WireError("got other content");
  }
}
