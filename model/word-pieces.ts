// Splits words into pieces with sentencepiece-js, and works round what is wrong with that wrapper: its listeners on the
// process, its silent load failures, and its quadratic time on runs of unknown characters. One instance per thread.

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { devNull } from "node:os";
import type * as Library from "sentencepiece-js";
import { FileError } from "../engine/errors.ts";
import { EncodeCall } from "./encode-call.ts";
import { reason } from "./read-file.ts";
import type { Piece } from "./spiece.ts";
import { PIECE_TYPE, withFastScores } from "./spiece.ts";
import { UnknownRuns } from "./unknown-runs.ts";

// An import would read the 0.7 MB of CommonJS once more for the names they export: 50 ms.
const library = createRequire(import.meta.url)("sentencepiece-js") as typeof Library;
const MODEL = "spiece.model"; // in Emscripten's file system, which is in memory
const SHORT = 64; // UTF-16 units: no run of unknown characters is long there
const UNCUT_LENGTH = 65_536;

/** Turns one normalised word into ids, as the Unigram model of Hugging Face's tokenizers library does. */
export class WordPieces {
  readonly #call: EncodeCall;
  readonly #pieces: readonly Piece[];
  readonly #unknownRuns: UnknownRuns;
  readonly #longestPiece: number;
  /** 1 for each piece that is a repetition of a shorter string, the ones that order ties. */
  readonly #repetitions: Uint8Array;

  private constructor(sentencePiece: Library.SentencePieceProcessor, pieces: readonly Piece[]) {
    const call = new EncodeCall(sentencePiece);
    this.#call = call;
    this.#repetitions = Uint8Array.from(pieces, (piece) =>
      Number(!["", piece.text].includes(rootOf(piece))),
    );
    this.#pieces = pieces;
    this.#unknownRuns = new UnknownRuns(
      (text) => call.ids(text),
      pieces.map(({ text }) => text),
      pieces.findIndex(({ type }) => type === PIECE_TYPE.unknown),
    );
    this.#longestPiece = pieces.reduce((longest, { text }) => Math.max(longest, text.length), 1);
  }

  /**
   * Loads a model from its bytes, whose pieces the caller has parsed. `path` is only for messages. Throws FileError if
   * SentencePiece refuses it.
   */
  static async load(
    bytes: Uint8Array,
    pieces: readonly Piece[],
    path: string,
  ): Promise<WordPieces> {
    const sentencePiece = new library.SentencePieceProcessor();
    try {
      // The wrapper takes a path alone, which may hold other bytes by now: it is given nothing.
      await withoutNewListeners(() => sentencePiece.load(devNull));
      sentencePiece.sentencepiece.FS.writeFile(MODEL, withFastScores(bytes, pieces));
      withView(sentencePiece, MODEL, (name) => requireOk(sentencePiece.processor.Load(name)));
      return new WordPieces(sentencePiece, pieces);
    } catch (cause) {
      throw new FileError(
        path,
        `must be a SentencePiece model; it does not load: ${reason(cause)}.`,
        { cause },
      );
    }
  }

  /**
   * The ids of `word`, which is well-formed and holds no blanks; none for an empty one.
   * Only the first `maxIds` matter to the caller; a word that must be far longer than that is cut.
   */
  encode(word: string, maxIds: number): readonly number[] {
    if (word === "") return [];
    const ids = this.#call.ids(this.#bounded(word, maxIds));
    this.#sortTies(ids);
    return ids;
  }

  #bounded(word: string, maxIds: number): string {
    if (word.length <= SHORT) return word;
    const short = this.#unknownRuns.shorten(word);
    // Segmentation near a cut can differ, so it stays well behind the last id that is kept.
    const limit = Math.max(UNCUT_LENGTH, 4 * maxIds * this.#longestPiece);
    return short.length > limit ? short.slice(0, limit).toWellFormed() : short;
  }

  // "kk" + "k" and "k" + "kk" have the same probability. C++ decides by float32 rounding; the tokenizers library sums in
  // float64 and so keeps the longer piece last. Pieces tie this way if they are powers of one string. (It reads a
  // tokenizer.json's scores an ulp off, where transformers 5 hands it exact ones: left to itself it orders some runs and some
  // ties behind unknown characters otherwise, such as "“kkk" and 18 o's; in 10 of 143,741 texts of public data sets.)
  #sortTies(ids: number[]): void {
    if (!ids.some((id) => this.#repetitions[id] === 1)) return;
    let start = 0;
    while (start < ids.length) {
      const root = this.#root(ids[start]);
      let end = start + 1;
      while (end < ids.length && this.#root(ids[end]) === root) end++;
      if (root !== "" && end - start > 1) {
        const run = ids.slice(start, end);
        run.sort((a, b) => this.#text(a).length - this.#text(b).length);
        for (const [i, id] of run.entries()) ids[start + i] = id;
      }
      start = end;
    }
  }

  #root(id = -1): string {
    const piece = this.#pieces[id];
    return piece ? rootOf(piece) : "";
  }

  #text(id: number): string {
    return this.#pieces[id]?.text ?? "";
  }
}

/** The shortest string that the piece is a repetition of; "" for pieces that take no part in ties. */
function rootOf({ text, type }: Piece): string {
  if (text.startsWith("▁") || type !== PIECE_TYPE.normal) return "";
  return text.slice(0, (text + text).indexOf(text, 1));
}

// Emscripten's runtime listens for uncaught errors, and on one prints itself (755 KB) and exits with 7. It adds its
// listeners some time during the load, when others may add theirs; its own are known by their source text.
const EMSCRIPTEN_LISTENER =
  /^function\((\w+)\)\{(?:if\(!\(\1 instanceof ExitStatus\)\)\{throw \1\}|throw \1)\}$/;

async function withoutNewListeners(load: () => Promise<void>): Promise<void> {
  const emitter: EventEmitter = process; // the types of `process` know only some of its events
  const events = ["uncaughtException", "unhandledRejection"];
  const before = events.map((event) => new Set(emitter.listeners(event)));
  try {
    await load();
  } finally {
    for (const [i, event] of events.entries()) {
      for (const listener of emitter.listeners(event)) {
        const isNew = !before[i]?.has(listener);
        if (isNew && EMSCRIPTEN_LISTENER.test(listener.toString()))
          emitter.off(event, listener as () => void);
      }
    }
  }
}

/** Lends `text` to C++. */
function withView(
  { sentencepiece }: Library.SentencePieceProcessor,
  text: string,
  use: (view: Library.Handle) => void,
): void {
  const held = new sentencepiece.StringView(text);
  const view = held.getView();
  try {
    use(view);
  } finally {
    view.delete();
    held.delete();
  }
}

function requireOk(status: { ToString(): string; delete(): void }): void {
  const text = status.ToString();
  status.delete();
  if (text !== "OK") throw new Error(text);
}
