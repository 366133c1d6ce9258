// --tuning: which matmul kernels a run uses. Timed once per adapter and kept in a file, so that runs stay the same.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  FileError,
  type Gpu,
  type ProductShape,
  type TunedProduct,
  tuneMatmul,
} from "../engine/index.ts";
import type { AlbertForSequenceClassification } from "../model/index.ts";
import {
  filledRows,
  type LabelledSet,
  type TrainingArguments,
  writeFilesInto,
} from "../train/index.ts";
import type { Printer } from "./printer.ts";
import { cacheFolder } from "./setup/decision.ts";
import { writeAside } from "./write-aside.ts";

/** Beside a run's checkpoints: a resumed run must add up in the same order. */
export const TUNING_FILE = "tuning.json";

const LAYOUTS = ["NT", "NN", "TN"] as const;

/** What a choice depends on: another driver or another text of a kernel may have another winner. */
function fingerprint(gpu: Gpu): string {
  const hash = createHash("sha256");
  hash.update(`${gpu.info.name}\n${gpu.info.backend}\n${gpu.precision}\n`);
  for (const variant of gpu.matmul.variants) {
    for (const layout of LAYOUTS) {
      hash.update(`${variant.name}\n${variant.kernel(layout).source}\n`);
      hash.update(JSON.stringify(variant.constants(layout, gpu.precision)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

const sameProduct = (a: ProductShape) => (b: ProductShape) =>
  a.layout === b.layout && a.rows === b.rows && a.sizes.join() === b.sizes.join();

/** Throws FileError for a file that is there and is no tuning file. */
async function readTuning(path: string): Promise<TunedProduct[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR"].includes(code)) return undefined;
    throw new FileError(path, `must be readable; got ${message}.`, { cause });
  }
  try {
    const { products } = JSON.parse(text) as { products: TunedProduct[] };
    const whole = products.every(
      ({ layout, rows, sizes, variant }) =>
        LAYOUTS.includes(layout) && rows > 0 && sizes.length === 2 && typeof variant === "string",
    );
    if (whole) return products;
  } catch {
    // told below
  }
  throw new FileError(
    path,
    "must be a tuning file, as --tuning auto writes it; got something else.",
  );
}

function textOf(gpu: Gpu, products: readonly TunedProduct[]): string {
  const tuning = { adapter: gpu.info.name, precision: gpu.precision, products };
  return `${JSON.stringify(tuning, null, 2)}\n`;
}

/** Keeps the choices beside a run, where what a crash leaves half written is cleared when the run is resumed. */
async function pin(
  output: string | undefined,
  gpu: Gpu,
  products: readonly TunedProduct[],
): Promise<void> {
  if (output === undefined) return;
  await writeFilesInto(output, (aside) =>
    writeFile(join(aside, TUNING_FILE), textOf(gpu, products)),
  );
}

/** The products of the layers at a run's usual batch: forward, and for both gradients. Rows are rounded to powers of two. */
function productsOf(
  model: AlbertForSequenceClassification,
  train: LabelledSet,
  { batchSize, padToMaxLength, maxLength }: TrainingArguments,
): ProductShape[] {
  const mean = padToMaxLength ? maxLength : train.tokens.tokens / train.tokens.count;
  const rows = 2 ** Math.round(Math.log2(filledRows(mean * batchSize)));
  return model.layerShapes.flatMap(([O, I]) => [
    { layout: "NT", rows, sizes: [O, I] } as const,
    { layout: "NN", rows, sizes: [I, O] } as const,
    { layout: "TN", rows, sizes: [O, I] } as const,
  ]);
}

/**
 * Chooses the kernels of a run: what it began with, when it is resumed; "off" by rule; a file's; "auto" what was found for this
 * adapter before, else by timing them now. A software adapter has one good kernel and is left to the rule.
 */
export async function tune(run: {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  readonly train: LabelledSet;
  readonly args: TrainingArguments;
  readonly tuning: string;
  /** The run's folder; a dry run has none. */
  readonly output: string | undefined;
  readonly resume: boolean;
  readonly printer: Printer;
}): Promise<void> {
  const { gpu, model, train, args, tuning, output, resume, printer } = run;
  if (output !== undefined && resume) {
    const own = join(output, TUNING_FILE);
    const before = await readTuning(own);
    if (before) {
      gpu.matmul.use(before);
      printer.line(`kernels      as this run began, ${own}`);
      return;
    }
  }
  if (tuning === "auto" && gpu.info.software) return;
  if (tuning === "off") return pin(output, gpu, []); // a resumed run shall not time them
  if (tuning !== "auto") {
    const given = await readTuning(tuning);
    if (!given) throw new FileError(tuning, "no such file.");
    const taken = gpu.matmul.use(given);
    printer.line(`kernels      ${taken} of ${given.length} choices of ${tuning}`);
    return pin(output, gpu, given);
  }
  const cache = join(cacheFolder(process.env), `tuning-${fingerprint(gpu)}.json`);
  const known = (await readTuning(cache).catch(() => [])) ?? []; // a damaged one is made anew
  const wanted = productsOf(model, train, args);
  const missing = wanted.filter((product) => !known.some(sameProduct(product)));
  const progress = printer.progress("tune", missing.length);
  const found = await tuneMatmul(gpu, missing, ({ products, compiled, kernels }) =>
    progress.update(products, products > 0 ? "" : `compiled ${compiled} of ${kernels} kernels`),
  );
  progress.stop();
  const all = [...known, ...found];
  let kept = `kept in ${cache}`;
  if (found.length > 0) {
    await writeAside(cache, textOf(gpu, all)).catch((error: Error) => {
      kept = `not kept for the next run: ${error.message}`;
    });
  }
  const chosen = all.filter((product) => wanted.some(sameProduct(product)));
  gpu.matmul.use(chosen);
  await pin(output, gpu, chosen);
  printer.line(`kernels      ${found.length} of ${chosen.length} products timed now, ${kept}`);
}
