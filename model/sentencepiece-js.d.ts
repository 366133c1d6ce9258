// sentencepiece-js 1.1.0 ships no types. Only what word-pieces.ts and encode-call.ts use is declared here.

declare module "sentencepiece-js" {
  /** An object of the C++ heap: whoever asked for it must delete it. */
  interface Owned {
    delete(): void;
  }
  /** An embind handle; `$$.ptr` is the object's address in the heap. */
  export interface Handle extends Owned {
    readonly $$: { readonly ptr: number };
  }
  interface Status extends Owned {
    ToString(): string;
  }
  interface StringView extends Owned {
    getView(): Handle;
  }
  export class SentencePieceProcessor {
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
    readonly processor: {
      Load(file: Handle): Status;
      /** A std::vector<int>. */
      EncodeAsIds(text: Handle): Handle;
    };
    readonly sentencepiece: {
      readonly FS: { writeFile(name: string, content: string | Uint8Array): void };
      /** Views of the heap: made anew when it grows. */
      readonly HEAPU8: Uint8Array;
      readonly HEAPU32: Uint32Array;
      _malloc(bytes: number): number;
      readonly StringView: new (text: string) => StringView;
    };
  }
}
