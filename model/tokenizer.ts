// ALBERT's tokeniser: text to ids exactly as Hugging Face's AlbertTokenizerFast, on SentencePiece's own C++ core.
// This file owns normalisation, special tokens and the folder; word-pieces.ts owns SentencePiece.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AlbertGpuError, FileError, invariant } from "../engine/errors.ts";
import { readJson, readModelFile, reason, resolveInFolder } from "./read-file.ts";
import type { SpieceModel } from "./spiece.ts";
import { parseSpiece, PIECE_TYPE } from "./spiece.ts";
import type { TokenizerOptions } from "./tokenizer-files.ts";
import {
  DEFAULT_OPTIONS,
  MIN_LENGTH,
  parseTokenizerConfig,
  SPECIAL_TOKENS,
  tokenizerFiles,
} from "./tokenizer-files.ts";
import { WordCache } from "./word-cache.ts";
import { WordPieces } from "./word-pieces.ts";

const SPIECE = "spiece.model";
const SPECIAL = /(<pad>|<unk>|\[CLS\]|\[SEP\]|\[MASK\])/;
// The blanks of isBlank. Not \s: SentencePiece deletes U+000B, and treats U+FEFF as a blank by itself.
const BLANKS = /[\t\n\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const WORDS = new RegExp(BLANKS.source.replace("[", "[^"), "gu");
const NOT_ASCII = /[^\0-\x7f]/;
/** Letters whose lower case depends on what stands around them; the tokenizers library looks at each one alone. */
const CONTEXTUAL = /[\u03a3\u0130]/;

/** A run of characters between blanks, as it stands in a text, and the ids it became. */
export interface Word {
  /** Its characters are `text.slice(start, end)`. */
  readonly start: number;
  readonly end: number;
  /** Its ids are `ids.slice(from, to)`; none where the vocabulary ignores the word, or behind the cut. */
  readonly from: number;
  readonly to: number;
}

/** All that a tokeniser is made from; may be sent to another thread. */
export interface TokenizerSource {
  /** Of spiece.model. */
  readonly bytes: Uint8Array;
  readonly options: TokenizerOptions;
  /** Where they came from, for messages. */
  readonly path: string;
}

/**
 * Turns text into the ids of an ALBERT vocabulary; they equal those of transformers' AlbertTokenizerFast, but with
 * `keep_accents` for letters that have several combining marks, which no published ALBERT asks for.
 * Takes any SentencePiece unigram model that has the pieces <pad>, <unk>, [CLS], [SEP] and [MASK].
 * Not to be shared between threads.
 */
export class Tokenizer {
  /** Number of pieces: ids are 0 to vocabSize - 1. */
  readonly vocabSize: number;
  readonly padId: number;
  readonly unkId: number;
  readonly clsId: number;
  readonly sepId: number;
  readonly maskId: number;
  readonly options: TokenizerOptions;
  readonly source: TokenizerSource;
  readonly #model: SpieceModel;
  readonly #pieces: WordPieces;
  readonly #words: WordCache;
  readonly #specialIds: ReadonlyMap<string, number>;

  private constructor(
    source: TokenizerSource,
    model: SpieceModel,
    pieces: WordPieces,
    specialIds: ReadonlyMap<string, number>,
  ) {
    const { options } = source;
    this.source = source;
    this.#model = model;
    this.#pieces = pieces;
    this.#words = new WordCache((word, maxIds) => this.#encodeWord(word, maxIds), {
      foldsCase: options.do_lower_case,
    });
    this.#specialIds = specialIds;
    this.options = options;
    this.vocabSize = model.pieces.length;
    this.padId = this.#idOf(SPECIAL_TOKENS.pad_token);
    this.unkId = this.#idOf(SPECIAL_TOKENS.unk_token);
    this.clsId = this.#idOf(SPECIAL_TOKENS.cls_token);
    this.sepId = this.#idOf(SPECIAL_TOKENS.sep_token);
    this.maskId = this.#idOf(SPECIAL_TOKENS.mask_token);
  }

  /**
   * Loads a tokeniser from a folder with spiece.model (and tokenizer_config.json, whose do_lower_case, keep_accents and
   * model_max_length count), or from a SentencePiece model file with albert-base-v2's options. Throws FileError if a file is
   * missing or damaged, or if the model lacks a special piece.
   */
  static async load(dirOrFile: string): Promise<Tokenizer> {
    const path = await resolveInFolder(dirOrFile, SPIECE);
    if (!existsSync(path)) {
      throw new FileError(
        dirOrFile,
        `must hold ${SPIECE}; it does not. transformers 5 saves tokenizer.json alone: copy ${SPIECE} from the model it began with.`,
      );
    }
    const bytes = await readModelFile(path);
    const options = path === dirOrFile ? DEFAULT_OPTIONS : await loadOptions(dirOrFile);
    return Tokenizer.from({ bytes, options, path });
  }

  /** The tokeniser of another one's `source`. Throws FileError as `load`. */
  static async from(source: TokenizerSource): Promise<Tokenizer> {
    const { bytes, path } = source;
    const model = parseSpiece(bytes, path);
    const specialIds = findSpecialIds(model, path);
    const pieces = await WordPieces.load(bytes, model.pieces, path);
    return new Tokenizer(source, model, pieces, specialIds);
  }

  /** The same tokeniser for a model that is meant for `maxLength` tokens; the two share what is costly. */
  withMaxLength(maxLength: number): Tokenizer {
    const options = { ...this.options, model_max_length: maxLength };
    return new Tokenizer({ ...this.source, options }, this.#model, this.#pieces, this.#specialIds);
  }

  /**
   * The ids of `text` between [CLS] and [SEP], at most `maxLength` of them in all (an integer of at least 3, or
   * Infinity); the end of a longer text is left out. The names of special pieces in the text become those pieces.
   */
  encode(text: string, maxLength = this.options.model_max_length): number[] {
    if (!(maxLength >= MIN_LENGTH)) {
      throw new AlbertGpuError(
        `encode: maxLength must be at least ${MIN_LENGTH} tokens; got ${maxLength}.`,
      );
    }
    const end = maxLength - 1; // where [SEP] must stand at the latest
    const ids = [this.clsId];
    const maySpecial = text.includes("[") || text.includes("<");
    const parts = maySpecial ? text.split(SPECIAL) : [text]; // every second part is a special piece
    for (let i = 0; i < parts.length && ids.length < end; i++) {
      const part = parts[i] ?? "";
      if (i % 2 === 1) ids.push(this.#idOf(part));
      // [MASK] takes the blanks to its left with it, as transformers declares it.
      else
        this.#words.encode(
          parts[i + 1] === SPECIAL_TOKENS.mask_token ? part.trimEnd() : part,
          ids,
          end,
        );
    }
    if (ids.length > end) ids.length = end;
    ids.push(this.sepId);
    return ids;
  }

  /**
   * `encode`, with the words that the ids came from, in order, and whether the end of the text was left out. Lengths and
   * places count UTF-16 units.
   */
  encodeWords(
    text: string,
    maxLength = this.options.model_max_length,
  ): { readonly ids: number[]; readonly words: readonly Word[]; readonly truncated: boolean } {
    const ids = this.encode(text, maxLength);
    const end = ids.length - 1; // before [SEP]
    const words: Word[] = [];
    let from = 1;
    for (const { index: start, 0: word } of text.matchAll(WORDS)) {
      // Normalisation and special pieces never reach across a blank: a word alone gives the ids it gives in its text.
      const count = from > end ? 0 : this.encode(word, Infinity).length - 2;
      const to = from + count;
      words.push({
        start,
        end: start + word.length,
        from: Math.min(from, end),
        to: Math.min(to, end),
      });
      from = to;
    }
    return { ids, words, truncated: from > end };
  }

  /** The text of a piece, "▁" for a blank. Throws AlbertGpuError if there is no such id. */
  idToPiece(id: number): string {
    const piece = this.#model.pieces[id];
    if (!piece) {
      throw new AlbertGpuError(`idToPiece: id must be in [0, ${this.vocabSize}); got ${id}.`);
    }
    return piece.text;
  }

  /**
   * Writes spiece.model (the bytes that were loaded), tokenizer_config.json, special_tokens_map.json and tokenizer.json
   * into the folder `dir`, which is made if needed. Throws FileError if that fails.
   */
  async save(dir: string): Promise<void> {
    const files = tokenizerFiles(this.#model, this.options, this.#specialIds);
    try {
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, SPIECE), this.source.bytes);
      for (const [name, content] of files) await writeFile(join(dir, name), content);
    } catch (cause) {
      throw new FileError(dir, `must take the tokeniser's files; ${reason(cause)}.`, { cause });
    }
  }

  /**
   * The ids of what stands between two blanks. No rule of normalisation reaches across a blank; some turn a character into
   * one.
   */
  #encodeWord(word: string, maxIds: number): readonly number[] {
    const isAscii = !NOT_ASCII.test(word);
    const quoted = word.replaceAll("``", '"').replaceAll("''", '"');
    if (isAscii) {
      return this.#pieces.encode(
        this.options.do_lower_case ? quoted.toLowerCase() : quoted,
        maxIds,
      );
    }
    const words = this.#normalize(quoted).split(BLANKS);
    return words.flatMap((part) => this.#pieces.encode(part, maxIds));
  }

  #normalize(text: string): string {
    // A lone surrogate would swallow the character behind it on its way into SentencePiece.
    let out = text.toWellFormed();
    // One by one: V8 keeps a place for each repetition of a pattern, and has room for some millions.
    if (!this.options.keep_accents) out = out.normalize("NFKD").replace(/\p{M}/gu, "");
    if (!this.options.do_lower_case) return out;
    if (CONTEXTUAL.test(out)) return Array.from(out, (char) => char.toLowerCase()).join("");
    return out.toLowerCase();
  }

  #idOf(token: string): number {
    const id = this.#specialIds.get(token);
    invariant(id !== undefined, () => `tokenizer: no id for ${token}`);
    return id;
  }
}

function findSpecialIds(model: SpieceModel, path: string): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const token of Object.values(SPECIAL_TOKENS)) {
    const id = model.pieces.findIndex(({ text }) => text === token);
    if (id < 0)
      throw new FileError(path, `must have the piece ${token}; got ${model.pieces.length} others.`);
    ids.set(token, id);
  }
  const unknown = model.pieces.find(({ type }) => type === PIECE_TYPE.unknown)?.text;
  if (unknown !== SPECIAL_TOKENS.unk_token) {
    throw new FileError(
      path,
      `the unknown piece must be ${SPECIAL_TOKENS.unk_token}; got ${unknown}.`,
    );
  }
  return ids;
}

async function loadOptions(dir: string): Promise<TokenizerOptions> {
  const path = join(dir, "tokenizer_config.json");
  return existsSync(path) ? parseTokenizerConfig(await readJson(path), path) : DEFAULT_OPTIONS;
}
