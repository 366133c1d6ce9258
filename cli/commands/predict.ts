// `albert-gpu predict`: texts in, classes out, a JSON line each, in input order and as they come.

import { createReadStream } from "node:fs";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Gpu } from "../../engine/index.ts";
import {
  type AlbertForSequenceClassification,
  labelNames,
  loadPretrained,
  type Tokenizer,
} from "../../model/index.ts";
import {
  chooseTextColumns,
  collate,
  type CsvSource,
  encodeText,
  InFlight,
  joinText,
  logitsOf,
  readTable,
  type Verdict,
  verdictsOf,
} from "../../train/index.ts";
import { checkLength, delimiterOf, requireFile, type RecordOptions } from "../data.ts";
import { UsageError } from "../errors.ts";
import { modelFolder } from "../model-folder.ts";
import { Printer } from "../printer.ts";
import { openAndTell } from "../device.ts";
import { readTexts } from "../texts.ts";

export interface PredictOptions extends RecordOptions {
  readonly model: string;
  /** A file, or "-" for standard input. CSV by its name (.csv, .tsv) or where text columns are named, else a text or a JSON object a line. */
  readonly input: string;
  /** In tokens; the default is 512 or the model's own limit. */
  readonly maxLength?: number | undefined;
  readonly batchSize: number;
  readonly adapter?: string | undefined;
  readonly output: Writable;
}

async function* csvTexts(
  source: CsvSource,
  name: string,
  options: PredictOptions,
): AsyncGenerator<string> {
  let columns: readonly string[] | undefined;
  const { quotes, columns: named } = options;
  const format = { delimiter: delimiterOf(name, options.delimiter), quotes, columns: named };
  for await (const { row, columns: there } of readTable(source, format)) {
    columns ??= chooseTextColumns(there, options.textColumns, name);
    yield joinText(row, columns);
  }
}

async function* texts(options: PredictOptions): AsyncGenerator<string> {
  const { input } = options;
  const isInput = input === "-";
  const name = isInput ? "standard input" : input;
  const chunks: AsyncIterable<Uint8Array> = isInput ? process.stdin : createReadStream(input);
  const isCsv = options.textColumns !== undefined || /\.(csv|tsv)$/i.test(input);
  yield* isCsv ? csvTexts({ name, chunks }, name, options) : readTexts(chunks, name);
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

/** The verdict on each text, in order; one batch is on the device while the next is read. */
async function* classify(
  gpu: Gpu,
  model: AlbertForSequenceClassification,
  tokenizer: Tokenizer,
  options: PredictOptions,
): AsyncGenerator<Verdict[]> {
  const { batchSize } = options;
  const maxLength = checkLength("predict", options.maxLength, model.config.max_position_embeddings);
  const names = labelNames(model.config);
  const inFlight = new InFlight<Verdict[]>(gpu);
  const pad = { padTo: "longest" as const, maxLength, padId: tokenizer.padId };
  for await (const chunk of chunks(texts(options), batchSize)) {
    const encoded = chunk.map((text) => encodeText(tokenizer, text, maxLength));
    const batch = collate(
      encoded.map(({ ids }) => ids),
      pad,
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
  if (options.input !== "-") await requireFile(options.input);
  const folder = await modelFolder(printer, options.model);
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const { model, tokenizer, report } = await loadPretrained(gpu, folder);
    if (report.missing.length > 0) {
      throw new UsageError(
        `predict: the model must be trained; ${options.model} lacks ${report.missing.join(", ")}.`,
      );
    }
    async function* lines(): AsyncGenerator<string> {
      for await (const verdicts of classify(gpu, model, tokenizer, options)) {
        yield verdicts.map((verdict) => `${JSON.stringify(verdict)}\n`).join("");
      }
    }
    await pipeline(Readable.from(lines()), options.output, { end: false });
  } finally {
    gpu.close();
  }
}
