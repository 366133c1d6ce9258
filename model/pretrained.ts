// Model folders as transformers reads and writes them: config.json, model.safetensors and the tokeniser's files.

import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, format, type Gpu, Random, sameShape } from "../engine/index.ts";
import { AlbertForSequenceClassification } from "./albert.ts";
import { type AlbertConfig, labelFields, loadConfig, serializeConfig } from "./config.ts";
import { isPretrainingHead } from "./parameters.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";
import { Tokenizer } from "./tokenizer.ts";

/** What a weights file had and had not. */
export interface LoadReport {
  /** Parameters of the model that the file lacks. */
  readonly missing: readonly string[];
  /** Tensors of the file that the model has no use for, pre-training heads among them. */
  readonly unused: readonly string[];
}

// Backbones saved by AlbertModel have no "albert." in front of their names.
function nameInFile(name: string, names: ReadonlyMap<string, unknown>): string | undefined {
  if (names.has(name)) return name;
  const bare = name.replace(/^albert\./, "");
  return bare !== name && names.has(bare) ? bare : undefined;
}

/**
 * Copies a safetensors file's weights into a model by name; parameters the file lacks, and those in `fresh`, keep their
 * values and count as missing. Throws FileError when a tensor has another shape than the model's, and nothing is copied then, or a number that is not
 * finite.
 */
export async function loadWeights(
  path: string,
  { parameters }: AlbertForSequenceClassification,
  fresh: ReadonlySet<string> = new Set(),
): Promise<LoadReport> {
  const file = await openSafetensors(path);
  try {
    const sources = parameters.parts.map((part) => ({
      part,
      source: fresh.has(part.name) ? undefined : nameInFile(part.name, file.tensors),
    }));
    const wrong = sources.flatMap(({ part, source }) => {
      const shape = source === undefined ? undefined : file.tensors.get(source)!.shape;
      return shape === undefined || sameShape(shape, part.shape)
        ? []
        : [`${part.name} must be ${format(part.shape)}, is ${format(shape)}`];
    });
    if (wrong.length > 0) {
      throw new FileError(path, `does not fit its config.json: ${wrong.join("; ")}.`);
    }
    for (const { part, source } of sources) {
      if (source === undefined) continue;
      const values = await file.read(source);
      if (!values.every(Number.isFinite)) {
        throw new FileError(path, `${source} must hold finite numbers; it has NaN or infinity.`);
      }
      parameters.set(part.name, part.shape, values);
    }
    const used = new Set(sources.map(({ source }) => source));
    return {
      missing: sources.filter(({ source }) => source === undefined).map(({ part }) => part.name),
      unused: [...file.tensors.keys()].filter((name) => !used.has(name)),
    };
  } finally {
    await file.close();
  }
}

/** Whether a tensor the model has no use for is one that a fine-tuner expects to drop. */
export function isExpectedUnused(name: string): boolean {
  // transformers 4.30 and older saved the position numbers as a buffer.
  return isPretrainingHead(name) || name.endsWith("embeddings.position_ids");
}

/** A config's class names in the order of their ids. */
export function labelNames({ num_labels, id2label }: AlbertConfig): string[] {
  return Array.from({ length: num_labels }, (_, id) => id2label[id] ?? `LABEL_${id}`);
}

/** A model opened from a folder. */
export interface Pretrained {
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
  readonly report: LoadReport;
}

/**
 * Opens a model folder. Parameters that its weights file lacks (the classifier of a backbone) are newly initialised from
 * `seed` and listed in the report. `labels` names the classes to train for: unless they are the folder's own, in the same
 * order, the classifier is newly initialised too. Throws FileError or ConfigError for what is missing, damaged or does not fit. The caller destroys the model.
 */
export async function loadPretrained(
  gpu: Gpu,
  folder: string,
  options: { seed?: number; labels?: readonly string[] } = {},
): Promise<Pretrained> {
  const saved = await loadConfig(folder);
  const labels = options.labels ?? labelNames(saved);
  const sameLabels = labels.join("\n") === labelNames(saved).join("\n");
  const config = sameLabels ? saved : { ...saved, ...labelFields(labels, folder) };
  const tokenizer = await Tokenizer.load(folder);
  if (tokenizer.vocabSize > config.vocab_size) {
    throw new FileError(
      folder,
      `the tokeniser must have at most ${config.vocab_size} pieces, config.json's vocab_size; got ${tokenizer.vocabSize}.`,
    );
  }
  const model = new AlbertForSequenceClassification(gpu, config);
  try {
    const fresh = new Set(sameLabels ? [] : ["classifier.weight", "classifier.bias"]);
    const report = await loadWeights(await weightsFile(folder), model, fresh);
    model.initialise(new Random(options.seed ?? 0), new Set(report.missing));
    return { model, tokenizer, report };
  } catch (error) {
    model.destroy();
    throw error;
  }
}

async function weightsFile(folder: string): Promise<string> {
  const path = join(folder, "model.safetensors");
  if (await stat(path).catch(() => undefined)) return path;
  const others: Readonly<Record<string, string>> = {
    "model.safetensors.index.json":
      "is of weights in several files; one model.safetensors is needed. Write it with transformers' save_pretrained(DIR, max_shard_size='100GB').",
    "pytorch_model.bin":
      "cannot be read: it is a Python pickle. Convert it to model.safetensors with transformers' save_pretrained.",
  };
  for (const [name, problem] of Object.entries(others)) {
    const other = join(folder, name);
    if (await stat(other).catch(() => undefined)) throw new FileError(other, problem);
  }
  throw new FileError(
    path,
    "is missing: a model folder holds config.json, model.safetensors and spiece.model.",
  );
}

/** Writes config.json, model.safetensors (f32) and the tokeniser's files into an existing folder. */
export async function savePretrained(
  folder: string,
  model: AlbertForSequenceClassification,
  tokenizer: Tokenizer,
): Promise<void> {
  const tensors = [...(await model.parameters.read())].map(([name, tensor]) => ({
    name,
    ...tensor,
  }));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await writeFile(join(folder, "config.json"), serializeConfig(model.config));
  await tokenizer.save(folder);
}
