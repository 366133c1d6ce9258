import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { Tokenizer } from "../../model/tokenizer.ts";
import { readLabelled } from "../../train/dataset.ts";
import { tokenizeAll } from "../../train/tokenize.ts";
import { TokenizerThreads } from "../../train/tokenizer-threads.ts";

// As on a machine with three cores, whatever this one has.
vi.mock("node:os", async (original) => ({
  ...(await original<object>()),
  availableParallelism: () => 3,
}));

/** Ids are character codes: enough to see that each text's ids come back. */
const byCharacter = {
  encode: (text: string, maxLength: number) =>
    Array.from(text)
      .slice(0, maxLength)
      .map((c) => c.codePointAt(0) ?? 0),
};

async function* stream(texts: string[]) {
  for (const text of texts) {
    await Promise.resolve();
    yield text;
  }
}

async function* titlesOf(path: string) {
  for await (const { text } of readLabelled(path, { textColumns: ["title"] })) yield text;
}

describe("tokenizeAll", () => {
  it("keeps the ids of each text, in order", async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `text ${i} `.repeat(i % 7));
    const set = await tokenizeAll(texts, byCharacter, 20);
    expect(set.count).toBe(300);
    texts.forEach((text, i) => {
      const want = byCharacter.encode(text, 20);
      expect([...set.ids(i)]).toEqual(want);
      expect(set.lengths[i]).toBe(want.length);
    });
    expect(set.tokens).toBe(set.lengths.reduce((sum, length) => sum + length, 0));
  });

  it("widens when an id does not fit 16 bits, without losing earlier ones", async () => {
    const set = await tokenizeAll(["ab\uffff", "c\u{1f600}d"], byCharacter, 512);
    expect([...set.ids(0)]).toEqual([97, 98, 0xffff]);
    expect([...set.ids(1)]).toEqual([99, 0x1f600, 100]);
  });

  it("takes a stream, and no text at all", async () => {
    expect((await tokenizeAll(stream(["a", "bc"]), byCharacter, 512)).lengths).toEqual(
      Uint16Array.of(1, 2),
    );
    const none = await tokenizeAll([], byCharacter, 512);
    expect([none.count, none.tokens]).toEqual([0, 0]);
    expect(() => none.ids(0)).toThrow("got 0");
  });

  it("lets timers run meanwhile, and tells how far it is", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const seen: number[] = [];
    const slow = {
      encode: (text: string) => {
        for (const end = performance.now() + 0.1; performance.now() < end;);
        return [text.length];
      },
    };
    await tokenizeAll(
      Array.from({ length: 200 }, () => "x"),
      slow,
      4,
      (done) => seen.push(done),
    );
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
    expect(seen).toEqual([64, 128, 192, 200]);
  });

  it("refuses a tokeniser that does not keep to the maximum length", async () => {
    await expect(tokenizeAll(["abc"], { encode: () => [1, 2, 3] }, 2)).rejects.toThrow("3 ids");
    await expect(tokenizeAll(["abc"], byCharacter, 70_000)).rejects.toThrow("65535");
  });

  it("shares a large set with threads and ends them; ids and order are those of one thread", async () => {
    const tokenizer = await Tokenizer.load(
      fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url)),
    );
    const take = vi.spyOn(TokenizerThreads.prototype, "take");
    const close = vi.spyOn(TokenizerThreads.prototype, "close");
    const shared = (): number => take.mock.results.filter(({ value }) => value === true).length;
    const texts: string[] = [];
    const text = (i: number): string => `Article ${i}: the Senate passed its budget. `.repeat(500);
    async function* source(fail: boolean) {
      for (let i = 0; shared() < (fail ? 2 : 20); i++) {
        if (i > 1000) await pause(1); // large enough by now: only the threads are waited for
        texts.push(text(i));
        yield text(i);
      }
      if (fail) throw new Error("no more texts");
    }
    const seen: number[] = [];
    const set = await tokenizeAll(source(false), tokenizer, 64, (done) => seen.push(done));
    expect(close).toHaveBeenCalledOnce();
    expect(seen.at(-1)).toBe(texts.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const alone = await tokenizeAll(texts, { encode: (t, n) => tokenizer.encode(t, n) }, 64);
    expect(set).toEqual(alone);
    for (let i = 0; i < texts.length; i += 97) expect(set.ids(i)).toEqual(alone.ids(i));
    take.mockClear();
    await expect(tokenizeAll(source(true), tokenizer, 64)).rejects.toThrow("no more texts");
    expect(close).toHaveBeenCalledTimes(2);
  });

  const titles = "../shared/data/isot/titles.csv";
  it.skipIf(!existsSync(titles))(
    "streams 44,888 titles in bounded memory (needs shared data: isot/titles.csv)",
    async () => {
      let peak = 0;
      setFlagsFromString("--expose-gc");
      (runInNewContext("gc") as () => void)(); // else what it frees on the way hides what this takes
      const before = process.memoryUsage();
      const set = await tokenizeAll(titlesOf(titles), byCharacter, 512, (done) => {
        if (done % 1024 !== 0) return;
        const now = process.memoryUsage();
        peak = Math.max(
          peak,
          now.heapUsed + now.arrayBuffers - before.heapUsed - before.arrayBuffers,
        );
      });
      expect(set.count).toBe(44_888);
      // 3.4 million characters of titles at 2 bytes each, doubled while growing, and the garbage of one collection cycle.
      expect(peak).toBeGreaterThan(0);
      expect(peak).toBeLessThan(100e6);
    },
  );
});
