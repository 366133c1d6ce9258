// One call into SentencePiece's WebAssembly. sentencepiece-js makes three objects of the C++ heap and their JavaScript
// handles for each text, and fetches each id by a call: as long again as the segmenting of a word takes.

import type { Handle, SentencePieceProcessor } from "sentencepiece-js";
import { invariant } from "../engine/errors.ts";

const ROOM = 1024; // bytes of the heap kept for a text; longer ones take the library's own way
const PROBE = "probe é";
const encoder = new TextEncoder();

/** Encodes texts through one absl::string_view whose two words (address, size) are set anew for each text. */
export class EncodeCall {
  readonly #sentencePiece: SentencePieceProcessor;
  readonly #view: Handle;
  readonly #text: number;

  /** Keeps a kilobyte of the module's heap for good, as the module itself is kept. */
  constructor(sentencePiece: SentencePieceProcessor) {
    this.#sentencePiece = sentencePiece;
    const { sentencepiece: module } = sentencePiece;
    this.#text = module._malloc(ROOM);
    this.#view = new module.StringView(PROBE).getView();
    // What is taken for granted of the layout, seen once.
    const [address = 0, size = 0] = module.HEAPU32.subarray(this.#view.$$.ptr >> 2);
    const held = new TextDecoder().decode(module.HEAPU8.slice(address, address + size));
    invariant(held === PROBE, () => `sentencepiece-js: a string_view of "${PROBE}"; got ${held}`);
    const [ours, theirs] = [this.ids(PROBE).join(), sentencePiece.encodeIds(PROBE).join()];
    invariant(ours === theirs, () => `sentencepiece-js: the ids ${theirs}; got ${ours}`);
  }

  /** `sentencePiece.encodeIds(text)`. */
  ids(text: string): number[] {
    if (3 * text.length > ROOM) return this.#sentencePiece.encodeIds(text);
    const { sentencepiece: module, processor } = this.#sentencePiece;
    const size = this.#write(text, module.HEAPU8);
    const view = this.#view.$$.ptr >> 2;
    module.HEAPU32[view] = this.#text;
    module.HEAPU32[view + 1] = size;
    const vector = processor.EncodeAsIds(this.#view);
    const heap = module.HEAPU32; // read here: the call may have made it grow
    const fields = vector.$$.ptr >> 2; // std::vector: where its numbers begin and end
    const end = heap[fields + 1]! >> 2;
    const ids: number[] = [];
    for (let i = heap[fields]! >> 2; i < end; i++) ids.push(heap[i]!);
    vector.delete();
    return ids;
  }

  #write(text: string, heap: Uint8Array): number {
    const at = this.#text;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return encoder.encodeInto(text, heap.subarray(at, at + ROOM)).written;
      heap[at + i] = unit;
    }
    return text.length;
  }
}
