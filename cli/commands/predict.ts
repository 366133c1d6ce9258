// `albert-gpu predict`: texts in, classes out, a JSON line each, in input order and as they come.

import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Gpu } from "../../engine/index.ts";
import { labelNames } from "../../model/index.ts";
import {
  collate,
  encodeText,
  InFlight,
  logitsOf,
  prefetch,
  type Verdict,
  verdictsOf,
} from "../../train/index.ts";
import { requireFile } from "../data.ts";
import { modelFolder } from "../model-folder.ts";
import { Printer } from "../printer.ts";
import { openAndTell } from "../device.ts";
import { checkInputOptions, type InputOptions, inputTexts } from "../texts.ts";
import { openTrained, type Trained } from "../trained-model.ts";

export interface PredictOptions extends InputOptions {
  readonly model: string;
  /** In tokens; the default is where training cut texts. */
  readonly maxLength?: number | undefined;
  readonly batchSize: number;
  readonly adapter?: string | undefined;
  readonly output: Writable;
}

/** Groups a stream into arrays of `size`. */
async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** Batches that are tokenised while others are on the device. */
const AHEAD = 4;

/** The verdict on each text, in order; one batch is on the device while the next ones are read and tokenised. */
async function* classify(
  gpu: Gpu,
  { model, tokenizer, maxLength, trainedColumns }: Trained,
  options: PredictOptions,
): AsyncGenerator<Verdict[]> {
  const { batchSize } = options;
  const names = labelNames(model.config);
  const inFlight = new InFlight<Verdict[]>(gpu);
  const layout = { maxLength, padId: tokenizer.padId };
  async function* batches() {
    for await (const chunk of chunks(inputTexts({ ...options, trainedColumns }), batchSize)) {
      yield chunk.map((text) => encodeText(tokenizer, text, maxLength));
    }
  }
  for await (const encoded of prefetch(batches(), AHEAD)) {
    const batch = collate(
      encoded.map(({ ids }) => ids),
      layout,
    );
    const verdicts = logitsOf(gpu, model, batch).then((logits) =>
      verdictsOf(logits, names, encoded),
    );
    yield* await inFlight.push(verdicts);
  }
  yield* await inFlight.drain();
}

/** Writes one {"label", "score", "probabilities", "tokens", "truncated"} line per text. Throws for bad input after writing what came before it. */
export async function predictCommand(options: PredictOptions): Promise<void> {
  const printer = new Printer(true);
  checkInputOptions("predict", options);
  if (options.input !== "-") await requireFile(options.input);
  const folder = await modelFolder(printer, options.model);
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const trained = await openTrained(gpu, folder, "predict", options.maxLength);
    async function* lines(): AsyncGenerator<string> {
      for await (const verdicts of classify(gpu, trained, options)) {
        yield verdicts.map((verdict) => `${JSON.stringify(verdict)}\n`).join("");
      }
    }
    await pipeline(Readable.from(lines()), options.output, { end: false });
  } finally {
    if (options.input === "-") process.stdin.destroy(); // it may still be read ahead
    gpu.close();
  }
}
