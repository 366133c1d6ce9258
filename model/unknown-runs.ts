// SentencePiece joins neighbouring unknown characters into one unknown piece, and copies the joined text once per
// character: a megabyte of emoji takes seconds. Such a run yields a single id whatever its length, so it may be shortened.

/** A private-use character: in no vocabulary, and not touched by any normalisation. */
const FILLER = "\u{f0000}";

type Kind = "other" | "unknown" | "silent";

/**
 * Shortens runs of characters that end up in one unknown piece, so that the ids stay exactly the same.
 *
 * Which characters those are is asked of the model itself, one character at a time, since its normalisation rules may
 * turn a character outside the vocabulary into one inside, into a blank, or into nothing. A rule can also join two
 * characters (Hangul letters, a letter and its accent): characters that stand in the decomposition of any
 * character of the vocabulary are never taken, nor are the first and last of a run.
 */
export class UnknownRuns {
  readonly #encode: (text: string) => readonly number[];
  readonly #pieces: readonly string[];
  readonly #unknownId: number;
  readonly #kinds = new Map<string, Kind>();
  #vocabulary: ReadonlySet<string> | undefined; // made when first asked for: most texts never do
  #filler = "";

  constructor(
    encode: (text: string) => readonly number[],
    pieces: readonly string[],
    unknownId: number,
  ) {
    this.#encode = encode;
    this.#unknownId = unknownId;
    this.#pieces = pieces;
  }

  /** `word` or a shorter text with the same ids. Linear in the length of `word`. */
  shorten(word: string): string {
    let out = "";
    let done = 0; // everything before this index is in `out`
    let start = 0;
    let first = 0; // length of the run's first character
    let last = 0; // start of the run's last character
    let count = 0;
    let hasUnknown = false;
    const close = (): void => {
      if (count > 3 && hasUnknown) {
        out += word.slice(done, start + first) + FILLER;
        done = last;
      }
      count = 0;
      hasUnknown = false;
    };
    let at = 0;
    for (const char of word) {
      const kind = this.#kind(char);
      if (kind === "other") close();
      else {
        if (count === 0) [start, first] = [at, char.length];
        count++;
        last = at;
        hasUnknown ||= kind === "unknown";
      }
      at += char.length;
    }
    close();
    return out + word.slice(done);
  }

  #kind(char: string): Kind {
    let kind = this.#kinds.get(char);
    if (kind === undefined) {
      kind = this.#ask(char);
      this.#kinds.set(char, kind);
    }
    return kind;
  }

  #ask(char: string): Kind {
    if (!this.#vocabulary) {
      this.#vocabulary = new Set(decomposed(this.#pieces.join("")));
      this.#filler = this.#encode(FILLER).join();
    }
    for (const part of decomposed(char)) if (this.#vocabulary.has(part)) return "other";
    // A blank or a known piece between two fillers would part them.
    if (this.#encode(FILLER + char + FILLER).join() !== this.#filler) return "other";
    return this.#encode(char).includes(this.#unknownId) ? "unknown" : "silent";
  }
}

/** All characters of `text`, of its lower case, and of the decompositions of both. */
function decomposed(text: string): string {
  const both = text + text.toLowerCase();
  return both + both.normalize("NFKD");
}
