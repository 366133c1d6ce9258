import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileError } from "../../engine/errors.ts";
import { Tokenizer } from "../../model/tokenizer.ts";
import { albertSpiece, tokenizerOf, withFolder } from "../support/spiece.ts";

describe("Tokenizer.load", () => {
  it("reads a model file by itself", () =>
    withFolder(async (dir) => {
      const path = join(dir, "my.model");
      await writeFile(path, albertSpiece());
      expect((await Tokenizer.load(path)).encode("This is a test")).toEqual([
        2, 48, 25, 21, 1289, 3,
      ]);
    }));

  it.each<[string, string | Buffer, RegExp]>([
    ["an empty file", "", /the file is empty/],
    ["JSON", '{"name": "albert-gpu", "version": "0.1.0"}', /must be a SentencePiece model/],
    ["a truncated model", albertSpiece().subarray(0, 300_000), /must be a SentencePiece model/],
    [
      "a git-LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 760289\n",
      /git lfs pull/,
    ],
  ])("refuses %s", async (_, bytes, message) => {
    const load = tokenizerOf(Buffer.from(bytes));
    await expect(load).rejects.toThrow(FileError);
    await expect(load).rejects.toThrow(message);
  });

  it("says what is missing", () =>
    withFolder(async (dir) => {
      await expect(Tokenizer.load(dir)).rejects.toThrow(/must hold spiece\.model; it does not/);
      await expect(Tokenizer.load(join(dir, "none"))).rejects.toThrow(
        /none: must be a folder with spiece\.model/,
      );
    }));
});

describe("Tokenizer.save", () => {
  it("writes a folder that loads again with the same options and the same model bytes", () =>
    withFolder(async (dir) => {
      const out = join(dir, "deep", "model");
      const cased = await tokenizerOf(albertSpiece(), { do_lower_case: false, keep_accents: true });
      await cased.save(out);
      expect((await readdir(out)).sort()).toEqual([
        "special_tokens_map.json",
        "spiece.model",
        "tokenizer.json",
        "tokenizer_config.json",
      ]);
      expect(albertSpiece().equals(await readFile(join(out, "spiece.model")))).toBe(true);
      const again = await Tokenizer.load(out);
      expect(again.options).toEqual({
        do_lower_case: false,
        keep_accents: true,
        remove_space: true,
        model_max_length: 512,
      });
      expect(again.encode("Falsé test")).toEqual(cased.encode("Falsé test"));
    }));

  it("keeps the length a model was trained with, where texts are cut from then on", () =>
    withFolder(async (dir) => {
      const loaded = await tokenizerOf(albertSpiece());
      const text = "one two three four five six seven";
      const short = loaded.withMaxLength(6);
      expect(short.encode(text)).toEqual(loaded.encode(text, 6));
      expect(loaded.encode(text)).toHaveLength(9);
      await short.save(dir);
      const again = await Tokenizer.load(dir);
      expect(again.options.model_max_length).toBe(6);
      expect(again.encode(text)).toEqual(loaded.encode(text, 6));
      expect(again.encodeWords(text).truncated).toBe(true);
    }));

  it("describes the same vocabulary to the tokenizers library, with number-comma pieces out of reach", () =>
    withFolder(async (dir) => {
      await (await tokenizerOf(albertSpiece())).save(dir);
      const { model, added_tokens } = JSON.parse(
        await readFile(join(dir, "tokenizer.json"), "utf8"),
      ) as {
        model: { unk_id: number; vocab: [string, number][] };
        added_tokens: { id: number; content: string; lstrip: boolean }[];
      };
      expect(model.unk_id).toBe(1);
      expect(model.vocab).toHaveLength(30000);
      expect(model.vocab[13]).toEqual(["▁", -2.1889710426330566]);
      expect(model.vocab.filter(([, score]) => score < -100)).toHaveLength(141);
      expect(added_tokens.map(({ id, content }) => [id, content])).toEqual([
        [0, "<pad>"],
        [1, "<unk>"],
        [2, "[CLS]"],
        [3, "[SEP]"],
        [4, "[MASK]"],
      ]);
      expect(added_tokens.filter(({ lstrip }) => lstrip).map(({ id }) => id)).toEqual([4]);
    }));

  it("says where it could not write", () =>
    withFolder(async (dir) => {
      await mkdir(join(dir, "spiece.model"));
      await expect((await tokenizerOf(albertSpiece())).save(dir)).rejects.toThrow(FileError);
    }));
});
