import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AlbertGpuError } from "../../engine/errors.ts";
import { Tokenizer } from "../../model/tokenizer.ts";
import { encodeBlock, type EncodedBlock } from "../../train/encoded-block.ts";
import { TokenizerThreads } from "../../train/tokenizer-threads.ts";

const tokenizer = await Tokenizer.load(
  fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url)),
);
const blocks = Array.from({ length: 9 }, (_, b) =>
  Array.from(
    { length: 5 },
    (_, i) => `Article ${b}.${i}: the SENATE passed É ${"budget ".repeat(b)}`,
  ),
);

let threads: TokenizerThreads | undefined;
afterEach(() => threads?.close());

describe("TokenizerThreads", () => {
  it("give the ids of one thread, take a bounded number of blocks each, and none before they are ready", async () => {
    threads = new TokenizerThreads(tokenizer.source, 16, 2);
    const got: EncodedBlock[] = [];
    expect(threads.take(blocks[0]!, () => undefined)).toBe(false);
    const keep = (b: number) => (ids: EncodedBlock) => (got[b] = ids);
    await vi.waitUntil(() => threads!.take(blocks[0]!, keep(0)), { timeout: 20_000, interval: 5 });
    await threads.drain();
    let next = 1;
    let most = 0;
    while (next < blocks.length) {
      let now = 0;
      while (next < blocks.length && threads.take(blocks[next]!, keep(next))) {
        next++;
        now++;
      }
      most = Math.max(most, now);
      await threads.drain();
    }
    expect(most).toBeLessThanOrEqual(4);
    expect(got).toEqual(blocks.map((texts) => encodeBlock(texts, tokenizer, 16)));
  });

  it("tell of a thread that failed, whatever it was at", async () => {
    const bytes = tokenizer.source.bytes.slice(0, 100);
    threads = new TokenizerThreads({ ...tokenizer.source, bytes }, 16, 1);
    const take = (texts: string[]) => threads!.take(texts, () => undefined);
    const failed = vi.waitUntil(() => void take(["a"]), { timeout: 20_000, interval: 5 });
    await expect(failed).rejects.toThrow(AlbertGpuError);
    await expect(threads.drain()).rejects.toThrow(/worker thread failed; .*spiece.model/);
    await threads.close();

    threads = new TokenizerThreads(tokenizer.source, 2, 1); // no room for [CLS] x [SEP]: encode throws
    await vi.waitUntil(() => take(["a"]), { timeout: 20_000, interval: 5 });
    await expect(threads.drain()).rejects.toThrow("maxLength must be at least 3");
  });

  it("can be closed while they start, and twice", async () => {
    threads = new TokenizerThreads(tokenizer.source, 16, 1);
    await threads.close();
    await threads.close();
  });
});
