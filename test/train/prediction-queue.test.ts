import { afterEach, describe, expect, it, vi } from "vitest";
import { type AlbertForSequenceClassification, Tokenizer } from "../../model/index.ts";
import {
  PredictionQueue,
  QueueFullError,
  type QueueOptions,
} from "../../train/prediction-queue.ts";
import type { Verdict } from "../../train/verdict.ts";
import { items, SPIECE } from "../cli/news.ts";
import { openTestGpu } from "../support/device.ts";
import { tinyConfig, tinyModel } from "../support/tiny-albert.ts";

const gpu = await openTestGpu();
const tokenizer = await Tokenizer.load(SPIECE);
const model: AlbertForSequenceClassification = tinyModel(
  gpu,
  tinyConfig({ vocab_size: tokenizer.vocabSize }),
);
const texts = items(0, 24).map(({ title, text }, i) => (i % 3 === 0 ? `${title} ${text}` : title));

const open: PredictionQueue[] = [];
afterEach(async () => {
  for (const queue of open.splice(0)) await queue.close();
});

function queueOf(options: QueueOptions = {}): {
  queue: PredictionQueue;
  batches: { B: number; rows: number }[];
} {
  const batches: { B: number; rows: number }[] = [];
  const queue = new PredictionQueue(gpu, model, tokenizer, {
    ...options,
    onBatch: ({ B, rows }) => batches.push({ B, rows }),
  });
  open.push(queue);
  return { queue, batches };
}

describe("a queue", () => {
  it("gives each text what it gets alone, whatever it shares a batch with", async () => {
    const alone: Verdict[] = [];
    const one = queueOf({ maxBatch: 1 });
    for (const text of texts) alone.push(await one.queue.predict(text));
    expect(one.batches.every(({ B }) => B === 1)).toBe(true);
    const many = queueOf();
    const together = await Promise.all(texts.map((text) => many.queue.predict(text)));
    expect(many.batches.map(({ B }) => B)).toEqual([16, 8]);
    together.forEach(({ label, score, tokens, truncated }, i) => {
      expect({ label, tokens, truncated }).toEqual({
        label: alone[i]!.label,
        tokens: alone[i]!.tokens,
        truncated: alone[i]!.truncated,
      });
      expect(score).toBeCloseTo(alone[i]!.score, 5);
    });
    expect(new Set(together.map(({ truncated }) => truncated))).toEqual(new Set([true, false]));
  });

  it("refuses sizes that would leave texts waiting for ever, or the model without a place for them", () => {
    const limit = model.config.max_position_embeddings;
    for (const [options, refusal] of [
      [{ maxBatch: 0 }, "maxBatch must be a positive integer; got 0."],
      [{ maxBatch: NaN }, "maxBatch must be a positive integer; got NaN."],
      [{ maxWaiting: 0 }, "maxWaiting must be a positive integer; got 0."],
      [{ batchWaitMs: -1 }, "batchWaitMs must be a number of at least 0; got -1."],
      [{ maxLength: 2 }, "maxLength must be an integer of at least 3; got 2."],
      [{ maxLength: limit + 1 }, `maxLength must be at most the model's ${limit} tokens`],
    ] as const) {
      expect(() => new PredictionQueue(gpu, model, tokenizer, options)).toThrow(refusal);
    }
  });

  it("cuts texts where the tokeniser does, which a trained model's does as its training did", async () => {
    const queue = new PredictionQueue(gpu, model, tokenizer.withMaxLength(5));
    open.push(queue);
    expect(queue.maxLength).toBe(5);
    expect(await queue.predict(texts[0]!)).toMatchObject({ tokens: 5, truncated: true });
  });

  it("answers in the order of asking", async () => {
    const { queue } = queueOf({ maxBatch: 2 });
    const done: number[] = [];
    const words = ["word ".repeat(40), "one", "one two", "word ".repeat(40)];
    await Promise.all(words.map((text, i) => queue.predict(text).then(() => done.push(i))));
    expect(done).toEqual([0, 1, 2, 3]);
  });

  it("puts no more on the device than its bindings hold", async () => {
    const largest = model.largestActivationBytes(64);
    const binding = vi.spyOn(gpu, "largestBinding", "get").mockReturnValue(largest);
    const { queue, batches } = queueOf();
    const text = "word ".repeat(10);
    await Promise.all(Array.from({ length: 8 }, () => queue.predict(text)));
    expect(Math.max(...batches.map(({ rows }) => rows))).toBeLessThanOrEqual(64);
    expect(batches.some(({ B }) => B > 1)).toBe(true);
    binding.mockRestore();
  });

  it("cuts what it has into powers of two", async () => {
    const { queue, batches } = queueOf();
    await Promise.all(Array.from({ length: 7 }, () => queue.predict("a text")));
    expect(batches.map(({ B }) => B)).toEqual([4, 2, 1]);
  });

  it("refuses texts beyond its room, and takes them again when there is some", async () => {
    const { queue } = queueOf({ maxWaiting: 2 });
    const taken = [queue.predict("one"), queue.predict("two")];
    await expect(queue.predict("three")).rejects.toThrow(QueueFullError);
    expect(queue.waiting).toBe(2);
    await Promise.all(taken);
    await queue.predict("three");
  });

  it("lets go of a text whose sender has left", async () => {
    const { queue, batches } = queueOf();
    const controller = new AbortController();
    const left = queue.predict("gone", controller.signal);
    const stays = queue.predict("here");
    controller.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await stays;
    expect(batches).toEqual([{ B: 1, rows: 16 }]);
    await expect(queue.predict("late", controller.signal)).rejects.toThrow("left");
  });

  it("fails the text that is wrong and no other", async () => {
    // An id the model does not have: the whole batch is refused before it is on the device.
    const broken = Object.create(tokenizer) as Tokenizer;
    Object.defineProperty(broken, "encode", {
      value: (text: string, most: number) =>
        text === "bad" ? [2, tokenizer.vocabSize, 3] : tokenizer.encode(text, most),
    });
    const queue = new PredictionQueue(gpu, model, broken);
    const settled = await Promise.allSettled(
      ["good", "bad", "fine", "well"].map((text) => queue.predict(text)),
    );
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    await queue.close();
  });

  it("answers what it has before it closes, and takes no more", async () => {
    const { queue } = queueOf();
    const last = queue.predict("last");
    await queue.close();
    expect((await last).tokens).toBeGreaterThan(2);
    await expect(queue.predict("too late")).rejects.toThrow("closed");
  });

  it("makes no new buffer or bind group for shapes it has seen", async () => {
    const { queue } = queueOf();
    const all = (): Promise<unknown> => Promise.all(texts.map((text) => queue.predict(text)));
    await all();
    await all();
    const { buffers, bindGroups, pipelines } = gpu.calls;
    for (let i = 0; i < 5; i++) await all();
    expect(gpu.calls).toMatchObject({ buffers, bindGroups, pipelines });
  });
});
