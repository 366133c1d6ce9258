// The whole model against its f64 reference, which knows no padding and holds query, key and value apart.

import { describe, expect, it, onTestFinished } from "vitest";
import { ShapeError } from "../../engine/errors.ts";
import { openGpu } from "../../engine/open.ts";
import { crossEntropy } from "../../engine/ops/cross-entropy.ts";
import type { AlbertForSequenceClassification, TokenBatch } from "../../model/albert.ts";
import type { AlbertConfig } from "../../model/config.ts";
import { collate } from "../../train/batches.ts";
import { albert } from "../reference/albert.ts";
import { expectClose } from "../support/close.ts";
import { openTestGpu } from "../support/device.ts";
import { integers } from "../support/random.ts";
import { padded, tinyConfig, tinyModel } from "../support/tiny-albert.ts";

const gpu = await openTestGpu();

/** Ragged: one token, several, more than a workgroup's 32 rows. Ids from 1 on, so that none is the padding's. */
const TEXTS = [5, 1, 40, 17].map((length, i) => integers(20 + i, length, 49).map((id) => id + 1));

/** Logits, loss and flat gradients of a batch. Gradients start at zero. */
async function run(model: AlbertForSequenceClassification, batch: TokenBatch, labels: Uint32Array) {
  gpu.set(model.parameters.gradients, new Float32Array(model.parameters.size));
  const reads = gpu.step(`run ${batch.B} ${batch.ids.length}`, () => {
    const loss = gpu.tape.gradients(() => crossEntropy(gpu, model.forward(batch), labels));
    const gradients = gpu.readLater(model.parameters.gradients);
    const logits = gpu.readLater(model.forward(batch));
    return { logits, loss: gpu.readLater(loss), gradients };
  });
  return {
    logits: await gpu.settle(reads.logits),
    loss: (await gpu.settle(reads.loss))[0]!,
    gradients: await gpu.settle(reads.gradients),
  };
}

/** Logits without a tape, in a step of their own. */
function logitsOf(
  model: AlbertForSequenceClassification,
  batch: TokenBatch,
  seed?: readonly number[],
): Promise<Float32Array> {
  const key = `logits ${batch.B} ${batch.ids.length}`;
  return gpu.settle(gpu.step(key, () => gpu.readLater(model.forward(batch, seed))));
}

async function weightsOf(model: AlbertForSequenceClassification) {
  const read = await model.parameters.read();
  return new Map([...read].map(([name, { data }]) => [name, Float64Array.from(data)]));
}

/** Cosine of the angle between two vectors, and |a - b| / |b|. */
function compare(a: ArrayLike<number>, b: ArrayLike<number>): { cosine: number; error: number } {
  let [aa, bb, ab, difference] = [0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
    ab += a[i]! * b[i]!;
    difference += (a[i]! - b[i]!) ** 2;
  }
  return { cosine: ab / Math.sqrt(aa * bb), error: Math.sqrt(difference / bb) };
}

const CONFIGS: Readonly<Record<string, Partial<AlbertConfig>>> = {
  "one group of one layer used twice, gelu_new": {},
  "two groups, gelu, 5 classes": {
    num_hidden_layers: 4,
    num_hidden_groups: 2,
    hidden_act: "gelu",
    num_labels: 5,
    id2label: { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" },
    label2id: { a: 0, b: 1, c: 2, d: 3, e: 4 },
  },
  "inner groups of two, relu": { inner_group_num: 2, hidden_act: "relu" },
  "two groups of two inner layers": { num_hidden_groups: 2, inner_group_num: 2 },
  "sizes that fill no quad": { embedding_size: 5, hidden_size: 6, intermediate_size: 7 },
};

describe("AlbertForSequenceClassification", () => {
  describe.each(Object.entries(CONFIGS))("with %s", (_, fields) => {
    const config = tinyConfig(fields);

    it("has the reference's logits, loss and gradient of every parameter", async () => {
      const model = tinyModel(gpu, config);
      const labels = integers(1, TEXTS.length, config.num_labels);
      const want = albert(await weightsOf(model), config, { ids: TEXTS, labels });
      const got = await run(model, padded(TEXTS, 44, 0), labels);
      // Two to four layers, each of a few hundred rounded operations; norms keep the errors from growing.
      const shape = [TEXTS.length, config.num_labels];
      expectClose("logits", got.logits, want.logits, { rtol: 1e-5, atol: 1e-5 }, shape);
      expect(Math.abs(got.loss - want.loss)).toBeLessThan(1e-5 * want.loss);
      const parts = model.parameters.split(got.gradients);
      expect([...parts.keys()].sort()).toEqual([...want.gradients.keys()].sort());
      const largest = Math.max(
        ...[...want.gradients.values()].map((g) => Math.max(...g.map(Math.abs))),
      );
      for (const [name, gradient] of want.gradients) {
        const { data } = parts.get(name)!;
        if (name.endsWith("attention.key.bias")) {
          // Softmax does not see what is added to all scores of a query: the true gradient is 0, the rest rounding.
          expectClose(name, data, new Float64Array(data.length), { rtol: 0, atol: 1e-6 * largest });
          continue;
        }
        const { cosine, error } = compare(data, gradient);
        expect(cosine, name).toBeGreaterThan(0.99999);
        expect(error, name).toBeLessThan(1e-4);
      }
      model.destroy();
    });
  });

  it("gives the same bits whatever stands in the padding, logits and gradients", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const labels = Uint32Array.of(0, 1, 1, 0);
    const clean = await run(model, padded(TEXTS, 44, 0), labels);
    const dirty = padded(TEXTS, 44, 0);
    for (let b = 0; b < dirty.B; b++) {
      dirty.ids.set(integers(b, 44 - TEXTS[b]!.length, 50), b * 44 + TEXTS[b]!.length);
    }
    expect(await run(model, dirty, labels)).toEqual(clean);
    model.destroy();
  });

  it("gives the same logits however wide the padding, and the same gradients but for rounding", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const labels = Uint32Array.of(0, 1, 1, 0);
    const narrow = await run(model, padded(TEXTS, 40, 0), labels);
    const wide = await run(model, padded(TEXTS, 64, 0), labels);
    expect(wide.logits).toEqual(narrow.logits);
    // Sums over more rows, most of them zero, group the same terms differently.
    const { cosine, error } = compare(wide.gradients, narrow.gradients);
    expect(cosine).toBeGreaterThan(0.99999999);
    expect(error).toBeLessThan(1e-5);
    model.destroy();
  });

  it("packs texts without padding: the same logits, and the same gradients but for rounding", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const labels = Uint32Array.of(0, 1, 1, 0);
    const wide = await run(model, padded(TEXTS, 44, 0), labels);
    const batch = collate(TEXTS, { maxLength: 64, padId: 0 });
    expect(batch.ids.length).toBe(64); // of 63 tokens, where padding made 176 rows
    const packed = await run(model, batch, labels);
    expect(packed.logits).toEqual(wide.logits);
    const { cosine, error } = compare(packed.gradients, wide.gradients);
    expect(cosine).toBeGreaterThan(0.99999999);
    expect(error).toBeLessThan(1e-5);
    model.destroy();
  });

  it("gives the same bits when layers are computed twice instead of kept, with dropout, in less memory", async () => {
    const dropout = 0.2;
    const config = tinyConfig({
      num_hidden_layers: 8,
      num_hidden_groups: 2,
      hidden_dropout_prob: dropout,
      attention_probs_dropout_prob: dropout,
      classifier_dropout_prob: dropout,
    });
    const labels = Uint32Array.of(0, 1, 1, 0);
    const long = Array.from({ length: 4 }, (_, i) => integers(40 + i, 60, 49).map((id) => id + 1));
    const train = async (activationCheckpointing: boolean) => {
      const fresh = await openGpu();
      onTestFinished(() => fresh.close());
      const model = tinyModel(fresh, config);
      model.activationCheckpointing = activationCheckpointing;
      const batch = collate(long, { maxLength: 64, padId: 0 });
      const read = fresh.step("train", () => {
        const forward = () => crossEntropy(fresh, model.forward(batch, [1, 2]), labels);
        const loss = fresh.readLater(fresh.tape.gradients(forward));
        return Promise.all([loss, fresh.readLater(model.parameters.gradients)]);
      });
      const [loss, gradients] = await fresh.settle(read);
      return { loss, gradients, bytes: fresh.poolBytes, estimate: model.trainingBytes(240) };
    };
    const [kept, twice] = [await train(false), await train(true)];
    expect(twice.loss).toEqual(kept.loss);
    expect(twice.gradients).toEqual(kept.gradients);
    expect(kept.gradients.some((value) => value !== 0)).toBe(true);
    expect(twice.bytes).toBeLessThan(kept.bytes / 2);
    for (const { bytes, estimate } of [kept, twice]) {
      expect(estimate / bytes).toBeGreaterThan(0.6);
      expect(estimate / bytes).toBeLessThan(1.6);
    }
  });

  it("gives a text the same logits alone and in a batch", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const together = await logitsOf(model, padded(TEXTS, 40, 0));
    for (const [b, text] of TEXTS.entries()) {
      const alone = await logitsOf(model, padded([text], text.length, 0));
      expect([...alone]).toEqual([...together.subarray(2 * b, 2 * b + 2)]);
    }
    model.destroy();
  });

  it("gives the padding row of the word table no gradient at all, even where the text holds it", async () => {
    const config = tinyConfig({ pad_token_id: 3 });
    const model = tinyModel(gpu, config);
    const texts = [Uint32Array.of(3, 3, 7), Uint32Array.of(7, 3)];
    const labels = Uint32Array.of(0, 1);
    const { gradients } = await run(model, padded(texts, 5, 3), labels);
    const name = "albert.embeddings.word_embeddings.weight";
    const { data } = model.parameters.split(gradients).get(name)!;
    const row = (id: number) => [...data.subarray(id * 12, (id + 1) * 12)];
    expect(row(3)).toEqual(Array.from({ length: 12 }, () => 0));
    const want = albert(await weightsOf(model), config, { ids: texts, labels });
    expectClose("word 7", row(7), want.gradients.get(name)!.subarray(7 * 12, 8 * 12), {
      rtol: 1e-4,
      atol: 1e-5,
    });
    model.destroy();
  });

  it("gives the same bits with a tape and without", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const batch = padded(TEXTS, 44, 0);
    const plain = await logitsOf(model, batch);
    const taped = gpu.step("taped", () => {
      // The logits are freed on the way back, so they are copied before backward begins.
      const read: Promise<Float32Array>[] = [];
      gpu.tape.gradients(() => {
        const logits = model.forward(batch);
        read.push(gpu.readLater(logits));
        gpu.submit();
        return crossEntropy(gpu, logits, new Uint32Array(batch.B));
      });
      return read[0]!;
    });
    expect(await gpu.settle(taped)).toEqual(plain);
    model.destroy();
  });

  it("gives the same logits outside a step", async () => {
    // Another GPU, whose pools hold nothing free: an upload's buffer must not serve the next upload before the submit.
    const fresh = await openGpu();
    onTestFinished(() => fresh.close());
    const [model, again] = [tinyModel(gpu, tinyConfig()), tinyModel(fresh, tinyConfig())];
    const batch = padded(TEXTS.slice(0, 1), 5, 0);
    expect(await fresh.read(again.forward(batch))).toEqual(await logitsOf(model, batch));
    model.destroy();
  });

  it("drops out by its seed: the same seed the same bits, another seed others, none without a seed", async () => {
    const config = tinyConfig({
      hidden_dropout_prob: 0.2,
      attention_probs_dropout_prob: 0.2,
      classifier_dropout_prob: 0.2,
    });
    const model = tinyModel(gpu, config);
    const batch = padded(TEXTS, 40, 0);
    const logits = (seed?: readonly number[]) => logitsOf(model, batch, seed);
    const first = await logits([1, 2, 3]);
    expect(await logits([1, 2, 3])).toEqual(first);
    for (const seed of [[1, 2, 4], [1, 3, 3], [2, 2, 3], undefined]) {
      expect(await logits(seed)).not.toEqual(first);
    }
    const without = tinyModel(gpu, tinyConfig());
    expect(await logitsOf(without, batch)).toEqual(await logits());
    model.destroy();
    without.destroy();
  });

  it("starts from the embedding sum as well", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const batch = padded(TEXTS, 40, 0);
    const { logits, sum } = gpu.step("in two parts", () => {
      const embedded = model.embed(batch);
      return {
        sum: gpu.readLater(embedded),
        logits: gpu.readLater(model.classify(embedded, batch)),
      };
    });
    expect(await gpu.settle(logits)).toEqual(await logitsOf(model, batch));
    const weights = await weightsOf(model);
    const table = (name: string) => weights.get(`albert.embeddings.${name}_embeddings.weight`)!;
    const id = TEXTS[2]![39]!;
    const want = Float64Array.from(
      { length: 12 },
      (_, e) =>
        table("word")[id * 12 + e]! + table("position")[39 * 12 + e]! + table("token_type")[e]!,
    );
    const at = (2 * 40 + 39) * 12;
    expectClose("embedded", (await gpu.settle(sum)).subarray(at, at + 12), want, {
      rtol: 1e-6,
      atol: 1e-6,
    });
    model.destroy();
  });

  it("has the finite differences of its logits as derivatives by the embedding sum", async () => {
    const model = tinyModel(gpu, tinyConfig());
    const text = TEXTS[0]!;
    const one = padded([text], text.length, 0);
    const size = text.length * 12;
    const embedded = await gpu.settle(gpu.step("embed", () => gpu.readLater(model.embed(one))));
    const weights = Float32Array.of(1, -0.5);
    const gradient = await gpu.settle(
      gpu.step("derivatives", () => {
        const x = gpu.upload(embedded, [text.length, 12]);
        const dy = gpu.upload(weights, [1, 2]);
        const { gradients } = gpu.tape.derivatives([x], () => model.classify(x, one), dy);
        return gpu.readLater(gradients[0]!);
      }),
    );
    // Both neighbours of every element, as texts of one batch.
    const h = 2 ** -6;
    const around = new Float32Array(2 * size * size);
    for (let i = 0; i < 2 * size; i++) {
      around.set(embedded, i * size);
      around[i * size + Math.floor(i / 2)]! += i % 2 === 0 ? -h : h;
    }
    const many = padded(Array<Uint32Array>(2 * size).fill(text), text.length, 0);
    const logits = await gpu.settle(
      gpu.step("neighbours", () =>
        gpu.readLater(model.classify(gpu.upload(around, [2 * size * text.length, 12]), many)),
      ),
    );
    const value = (i: number) => weights[0]! * logits[2 * i]! + weights[1]! * logits[2 * i + 1]!;
    const differences = gradient.map((_, i) => (value(2 * i + 1) - value(2 * i)) / (2 * h));
    const { cosine, error } = compare(gradient, differences);
    expect(cosine).toBeGreaterThan(0.99999);
    expect(error).toBeLessThan(1e-3);
    model.destroy();
  });

  it("refuses texts longer than its positions and ids outside its vocabulary", () => {
    const model = tinyModel(gpu, tinyConfig());
    expect(() => model.forward(padded([new Uint32Array(65).fill(1)], 65, 0))).toThrow(
      "albert: sequences must have at most 64 tokens (max_position_embeddings); got 65.",
    );
    expect(() => model.forward(padded([Uint32Array.of(50)], 1, 0))).toThrow(ShapeError);
    expect(() => model.forward(padded([Uint32Array.of(50)], 1, 0))).toThrow(/below 50.*got 50/);
    model.destroy();
  });
});
