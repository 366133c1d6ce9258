import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenCache, tokenKey } from "../../cli/token-cache.ts";
import type { TokenizerSource } from "../../model/index.ts";
import { TokenizedSet } from "../../train/index.ts";
import { temporaryFolder } from "./news.ts";

const narrow = new TokenizedSet(Uint16Array.of(2, 7, 3, 2, 0xffff), Uint16Array.of(3, 0, 2));
const wide = new TokenizedSet(Uint32Array.of(2, 0x1f600, 3), Uint16Array.of(3));
const key = "ab".repeat(32);

let files: ReturnType<typeof temporaryFolder>;
let cache: TokenCache;
beforeEach(() => {
  files = temporaryFolder();
  cache = new TokenCache(join(files.folder, "tokens"));
});
afterEach(() => files.remove());
const fileOf = (name: string): string => join(cache.folder, `${name}.tokens`);

describe("TokenCache", () => {
  it("gives back what was kept, in its own width, and nothing for another name", async () => {
    for (const set of [narrow, wide, new TokenizedSet(new Uint16Array(), new Uint16Array())]) {
      await cache.write(key, set);
      expect(await cache.read(key)).toEqual(set);
    }
    expect(await cache.read("cd".repeat(32))).toBeUndefined();
    expect(readdirSync(cache.folder)).toEqual([`${key}.tokens`]);
  });

  it("trusts no file that is cut, changed in any byte, longer, or another's", async () => {
    await cache.write(key, narrow);
    const whole = readFileSync(fileOf(key));
    const put = async (bytes: Uint8Array) => {
      writeFileSync(fileOf(key), bytes);
      return cache.read(key);
    };
    for (let size = 0; size < whole.length; size++) {
      expect(await put(whole.subarray(0, size))).toBeUndefined();
    }
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1;
      expect(await put(bytes), `byte ${at}`).toBeUndefined();
    }
    expect(await put(Buffer.concat([whole, Buffer.of(0)]))).toBeUndefined();
    expect(await put(Buffer.alloc(5000, "x"))).toBeUndefined();
    expect(await put(Buffer.from("null\n"))).toBeUndefined();
    expect(await put(whole)).toEqual(narrow);
    writeFileSync(fileOf("cd".repeat(32)), whole);
    expect(await cache.read("cd".repeat(32))).toBeUndefined();
  });

  it("lets go what was not used for the longest, above its limit", async () => {
    const names = ["a", "b", "c"].map((name) => name.repeat(64));
    await cache.write(names[0]!, narrow);
    const { length: size } = readFileSync(fileOf(names[0]!));
    cache = new TokenCache(cache.folder, 2 * size);
    await cache.write(names[1]!, narrow);
    for (const name of names.slice(0, 2))
      utimesSync(fileOf(name), 1000, name === names[0] ? 1000 : 2000);
    expect(await cache.read(names[0]!)).toEqual(narrow); // used just now
    await cache.write(names[2]!, narrow);
    expect(readdirSync(cache.folder).toSorted()).toEqual(
      [names[0], names[2]].map((name) => `${name}.tokens`),
    );
  });

  it("clears what a process that died left half written, an hour later", async () => {
    mkdirSync(cache.folder, { recursive: true });
    const left = `${fileOf(key)}.1234`;
    writeFileSync(left, "half");
    await cache.write(key, narrow);
    expect(readdirSync(cache.folder)).toHaveLength(2); // perhaps it is being written
    const before = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(left, before, before);
    await cache.write(key, narrow);
    expect(readdirSync(cache.folder)).toEqual([`${key}.tokens`]);
  });

  it("throws when a file cannot be written, and leaves nothing behind", async () => {
    mkdirSync(fileOf(key), { recursive: true }); // a folder where the file should be
    await expect(cache.write(key, narrow)).rejects.toThrow(/EISDIR|EEXIST|ENOTEMPTY|EPERM/);
    expect(readdirSync(cache.folder)).toEqual([`${key}.tokens`]);
    expect(await cache.read(key)).toBeUndefined();
  });
});

describe("tokenKey", () => {
  it("differs for other texts, their order and bounds, another model, options and length", () => {
    const source: TokenizerSource = {
      bytes: Uint8Array.of(1, 2, 3),
      options: {
        do_lower_case: true,
        keep_accents: false,
        remove_space: true,
        model_max_length: 512,
      },
      path: "spiece.model",
    };
    const keys = [
      tokenKey(["ab", "c"], source, 64),
      tokenKey(["a", "bc"], source, 64),
      tokenKey(["c", "ab"], source, 64),
      tokenKey(["ab", "c", ""], source, 64),
      tokenKey(["ab", "c"], source, 65),
      tokenKey(["ab", "c"], { ...source, bytes: Uint8Array.of(1, 2, 4) }, 64),
      tokenKey(
        ["ab", "c"],
        { ...source, options: { ...source.options, do_lower_case: false } },
        64,
      ),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(tokenKey(["ab", "c"], { ...source, path: "elsewhere" }, 64)).toBe(keys[0]);
    // The length of the call counts, not the one that the tokeniser was saved with.
    const options = { ...source.options, model_max_length: 64 };
    expect(tokenKey(["ab", "c"], { ...source, options }, 64)).toBe(keys[0]);
  });
});
