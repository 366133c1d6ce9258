// The model a run starts from: a folder to fine-tune, or a shape to train from scratch.

import { stat } from "node:fs/promises";
import { type Gpu, Random } from "../engine/index.ts";
import {
  type AlbertConfig,
  AlbertForSequenceClassification,
  isExpectedUnused,
  labelFields,
  loadConfig,
  loadPretrained,
  type PresetName,
  PRESETS,
  presetConfig,
  Tokenizer,
} from "../model/index.ts";
import { UsageError } from "./errors.ts";
import { modelFolder } from "./model-folder.ts";
import type { Printer } from "./printer.ts";

export interface BaseOptions {
  readonly model?: string | undefined;
  readonly config?: string | undefined;
  readonly tokenizer?: string | undefined;
}

export interface Opened {
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
}

/** What is known of the model before its classes are. */
export interface BaseModel {
  readonly tokenizer: Tokenizer;
  /** Most tokens a text may have. */
  readonly limit: number;
  readonly suggested: { readonly learningRate?: number; readonly warmupSteps?: number };
  /** Makes the model for these classes, and prints which weights are new. */
  open(gpu: Gpu, labels: readonly string[], seed: number, printer: Printer): Promise<Opened>;
}

/** Throws UsageError for options that do not go together, before any file is read. */
export function checkBaseOptions({ model, config, tokenizer }: BaseOptions): void {
  if ((model === undefined) === (config === undefined)) {
    throw new UsageError(
      "train: give either --model DIR (fine-tune) or --config NAME (train from scratch); see `albert-gpu train --help`.",
    );
  }
  if (config !== undefined && tokenizer === undefined) {
    throw new UsageError("train: --config needs --tokenizer FILE, a SentencePiece model.");
  }
  if (model !== undefined && tokenizer !== undefined) {
    throw new UsageError("train: --model DIR brings its own tokenizer; leave --tokenizer out.");
  }
}

/** Reads all that can be checked before the data: configuration and tokeniser. Throws UsageError, ConfigError, FileError or HubError. */
export async function readBaseModel(options: BaseOptions, printer: Printer): Promise<BaseModel> {
  const { model, config, tokenizer: file } = options;
  if (model !== undefined) return fineTuned(await modelFolder(printer, model));
  const name = config!;
  const isPreset = Object.hasOwn(PRESETS, name);
  if (!isPreset && !(await stat(name).catch(() => undefined))) {
    throw new UsageError(
      `train: --config must be one of ${Object.keys(PRESETS).join(", ")}, or a config.json; got "${name}".`,
    );
  }
  const tokenizer = await Tokenizer.load(file!);
  if (!isPreset) {
    const read = await loadConfig(name);
    const limit = read.max_position_embeddings;
    const configOf = (labels: readonly string[]): AlbertConfig => ({
      ...read,
      ...labelFields(labels, name),
      vocab_size: tokenizer.vocabSize,
      pad_token_id: tokenizer.padId,
      bos_token_id: tokenizer.clsId,
      eos_token_id: tokenizer.sepId,
    });
    return fromScratch(tokenizer, limit, {}, configOf);
  }
  const preset = name as PresetName;
  const input = {
    vocabSize: tokenizer.vocabSize,
    padId: tokenizer.padId,
    clsId: tokenizer.clsId,
    sepId: tokenizer.sepId,
  };
  const limit = PRESETS[preset].config.max_position_embeddings;
  return fromScratch(tokenizer, limit, PRESETS[preset].suggested ?? {}, (labels) =>
    presetConfig(preset, { ...input, labels }),
  );
}

function fromScratch(
  tokenizer: Tokenizer,
  limit: number,
  suggested: BaseModel["suggested"],
  configOf: (labels: readonly string[]) => AlbertConfig,
): BaseModel {
  const open: BaseModel["open"] = (gpu, labels, seed, printer) => {
    const model = new AlbertForSequenceClassification(gpu, configOf(labels));
    model.initialise(new Random(seed));
    printer.line("new weights  all (training from scratch)");
    return Promise.resolve({ model, tokenizer });
  };
  return { tokenizer, limit, suggested, open };
}

async function fineTuned(folder: string): Promise<BaseModel> {
  const { max_position_embeddings: limit } = await loadConfig(folder);
  const tokenizer = await Tokenizer.load(folder);
  const open: BaseModel["open"] = async (gpu, labels, seed, printer) => {
    const { report, model } = await loadPretrained(gpu, folder, { seed, labels });
    const unexpected = report.unused.filter((name) => !isExpectedUnused(name));
    const skipped = report.unused.length - unexpected.length;
    if (skipped > 0) printer.line(`skipped      ${skipped} tensors of the pre-training heads`);
    if (unexpected.length > 0) printer.line(`unused       ${unexpected.join(", ")}`);
    if (report.missing.length > 0) {
      printer.line(
        `new weights  ${report.missing.join(", ")} (newly initialised: train before use)`,
      );
    }
    return { model, tokenizer };
  };
  return { tokenizer, limit, suggested: {}, open };
}
