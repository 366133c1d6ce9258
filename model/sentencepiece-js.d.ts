// sentencepiece-js 1.1.0 ships no types. Only what model/word-pieces.ts uses is declared here.

declare module "sentencepiece-js" {
  /** An object of the C++ heap: whoever asked for it must delete it. */
  interface Owned {
    delete(): void;
  }
  interface Status extends Owned {
    ToString(): string;
  }
  interface StringView extends Owned {
    getView(): Owned;
  }
  export class SentencePieceProcessor {
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
    readonly processor: {
      status(): Status;
      LoadVocabulary(file: Owned, threshold: number): Status;
    };
    readonly sentencepiece: {
      readonly FS: { writeFile(name: string, content: string): void };
      readonly StringView: new (text: string) => StringView;
    };
  }
}
