// `albert-gpu tokenize`: texts in, token ids out, a line each.

import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Tokenizer } from "../../model/tokenizer.ts";
import { readTexts } from "../texts.ts";

export interface TokenizeOptions {
  /** A model folder or a SentencePiece model file. */
  tokenizer: string;
  /** In tokens, [CLS] and [SEP] included. */
  maxLength: number;
  /** One text a line, or JSON lines. */
  input: AsyncIterable<Uint8Array>;
  /** Takes one {"ids": [...]} a line; is not ended. */
  output: Writable;
}

/** Writes the token ids of each text, in input order, as fast as the output takes them. Throws FileError for a bad tokeniser, DataError for bad input. */
export async function tokenizeCommand({
  tokenizer,
  maxLength,
  input,
  output,
}: TokenizeOptions): Promise<void> {
  const encoder = await Tokenizer.load(tokenizer);
  async function* lines() {
    for await (const text of readTexts({ name: "input", chunks: input }, {})) {
      yield `${JSON.stringify({ ids: encoder.encode(text, maxLength) })}\n`;
    }
  }
  await pipeline(Readable.from(lines()), output, { end: false });
}
