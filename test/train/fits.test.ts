import { expect, it } from "vitest";
import { type Gpu, Random } from "../../engine/index.ts";
import {
  AlbertForSequenceClassification,
  ArgumentError,
  DEFAULT_ARGUMENTS,
  presetConfig,
  TokenizedSet,
} from "../../train/index.ts";
import { checkBatchesFit } from "../../train/fits.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();
const config = presetConfig("tiny", { vocabSize: 100, labels: ["a", "b"] });

function set(count: number, length: number) {
  const random = new Random(1);
  const flat = Uint16Array.from({ length: count * length }, () => random.int(100));
  const tokens = new TokenizedSet(flat, new Uint16Array(count).fill(length));
  return { tokens, labels: new Uint32Array(count) };
}

it("refuses a batch size whose largest tensor the adapter cannot bind, and names the largest that fits", () => {
  const model = new AlbertForSequenceClassification(gpu, config);
  // 20 texts of 33 tokens fill 672 rows; the feed-forward has 256 columns.
  const small = { info: gpu.info, precision: "f32", largestBinding: 4 * 672 * 256 } as Gpu;
  const sets = { train: set(40, 33), validation: set(40, 20) };
  const fits = { ...DEFAULT_ARGUMENTS, batchSize: 20, evalBatchSize: 33 };
  expect(() => checkBatchesFit(small, model, sets, fits)).not.toThrow();
  expect(() => checkBatchesFit(small, model, sets, { ...fits, batchSize: 21 })).toThrow(
    ArgumentError,
  );
  expect(() => checkBatchesFit(small, model, sets, { ...fits, batchSize: 21 })).toThrow(
    /batchSize must be at most 20 /,
  );
  expect(() => checkBatchesFit(small, model, sets, { ...fits, evalBatchSize: 34 })).toThrow(
    /evalBatchSize must be at most 33/,
  );
  // What is scored when training is done counts too.
  const tested = { ...sets, test: set(40, 33) };
  expect(() => checkBatchesFit(small, model, tested, fits)).toThrow(
    /evalBatchSize must be at most 20/,
  );
  expect(() => checkBatchesFit(small, model, tested, { ...fits, evalBatchSize: 20 })).not.toThrow();
  // A set smaller than the batch size never fills one.
  const few = { ...sets, train: set(5, 33) };
  expect(() => checkBatchesFit(small, model, few, { ...fits, batchSize: 64 })).not.toThrow();
  expect(() => checkBatchesFit(small, model, sets, { ...fits, padToMaxLength: true })).toThrow(
    ArgumentError,
  );
  model.destroy();
});
