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
import { TiedPieces } from "./tied-pieces.ts";
import { UnknownRuns } from "./unknown-runs.ts";

// An import would read the 0.7 MB of CommonJS once more for the names they export: 50 ms.
const library = createRequire(import.meta.url)("sentencepiece-js") as typeof Library;
const MODEL = "spiece.model"; // in Emscripten's file system, which is in memory
const SHORT = 64; // UTF-16 units: no run of unknown characters is long there
const UNCUT_LENGTH = 65_536;

/** Turns one normalised word into ids, as the Unigram model of Hugging Face's tokenizers library does. */
export class WordPieces {
  readonly #call: EncodeCall;
  readonly #unknownRuns: UnknownRuns;
  readonly #longestPiece: number;
  readonly #tied: TiedPieces;
  readonly #sentencePiece: Library.SentencePieceProcessor;

  private constructor(sentencePiece: Library.SentencePieceProcessor, pieces: readonly Piece[]) {
    const call = new EncodeCall(sentencePiece);
    this.#call = call;
    this.#tied = new TiedPieces(pieces);
    this.#sentencePiece = sentencePiece;
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
    const bounded = this.#bounded(word, maxIds);
    return this.#tied.order(this.#call.ids(bounded), () => this.#surfaces(bounded));
  }

  /** The texts of a word's pieces, as the tokenizers library has them: SentencePiece composes the letters of Hangul again. */
  #surfaces(word: string): readonly string[] {
    const texts = this.#sentencePiece.encodePieces(word);
    return word === word.normalize("NFKD") ? texts.map((text) => text.normalize("NFKD")) : texts;
  }

  #bounded(word: string, maxIds: number): string {
    if (word.length <= SHORT) return word;
    const short = this.#unknownRuns.shorten(word);
    // Segmentation near a cut can differ, so it stays well behind the last id that is kept.
    const limit = Math.max(UNCUT_LENGTH, 4 * maxIds * this.#longestPiece);
    return short.length > limit ? short.slice(0, limit).toWellFormed() : short;
  }
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
