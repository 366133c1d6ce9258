// Token ids of some texts: what one thread makes at a time, and hands to another without a copy.

import { invariant } from "../engine/errors.ts";

/** What tokenising needs of a tokeniser. */
export interface Encoder {
  /** Token ids of a text with its special tokens, at most `maxLength` of them. */
  encode(text: string, maxLength: number): ArrayLike<number>;
}

/** Ids of all texts one after another, and how many each has. */
export interface EncodedBlock {
  readonly flat: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  readonly lengths: Uint16Array<ArrayBuffer>;
}

/** Encodes texts; `maxLength` is at most 65,535. */
export function encodeBlock(
  texts: readonly string[],
  encoder: Encoder,
  maxLength: number,
): EncodedBlock {
  const flat: number[] = [];
  const lengths = new Uint16Array(texts.length);
  let wide = false;
  for (const [i, text] of texts.entries()) {
    const ids = encoder.encode(text, maxLength);
    invariant(
      ids.length <= maxLength,
      () => `encode gave ${ids.length} ids for maxLength ${maxLength}`,
    );
    lengths[i] = ids.length;
    for (let t = 0; t < ids.length; t++) {
      const id = ids[t]!;
      wide ||= id > 0xffff;
      flat.push(id);
    }
  }
  // Vocabularies above 65,536 pieces are rare: only they pay for wider ids.
  return { flat: wide ? Uint32Array.from(flat) : Uint16Array.from(flat), lengths };
}

/** One block of the texts of all. */
export function joinBlocks(blocks: readonly EncodedBlock[]): EncodedBlock {
  const total = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
  const Flat = blocks.some(({ flat }) => flat instanceof Uint32Array) ? Uint32Array : Uint16Array;
  const flat = new Flat(total(blocks.map((block) => block.flat.length)));
  const lengths = new Uint16Array(total(blocks.map((block) => block.lengths.length)));
  let at = 0;
  let text = 0;
  for (const block of blocks) {
    flat.set(block.flat, at);
    lengths.set(block.lengths, text);
    at += block.flat.length;
    text += block.lengths.length;
  }
  return { flat, lengths };
}
