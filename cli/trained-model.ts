import type { Gpu } from "../engine/index.ts";
import { loadPretrained } from "../model/index.ts";
import type { Opened } from "./base-model.ts";
import { checkLength } from "./data.ts";
import { UsageError } from "./errors.ts";
import { readRunFacts, type RunFacts } from "./run-data.ts";

/** A model to be asked. */
export interface Trained extends Opened {
  /** Tokens where texts are cut. */
  readonly maxLength: number;
  /** As results.json has it; undefined where the model was not trained here. */
  readonly trainedColumns: readonly string[] | undefined;
}

/**
 * Opens a model to ask it, for the command `where`. Texts are cut at the length `asked`, by default where training cut
 * them. Throws UsageError for a model that is not trained yet, and for a length it does not have.
 */
export async function openTrained(
  gpu: Gpu,
  folder: string,
  where: string,
  asked: number | undefined,
): Promise<Trained> {
  const { model, tokenizer, report } = await loadPretrained(gpu, folder);
  if (report.missing.length > 0) {
    throw new UsageError(
      `${where}: the model must be trained; ${folder} lacks ${report.missing.join(", ")}.`,
    );
  }
  const { max_position_embeddings: limit } = model.config;
  const maxLength = checkLength(where, asked, limit, tokenizer.options.model_max_length);
  // Another program's results.json makes a model no worse.
  const { textColumns } = await readRunFacts(folder).catch((): RunFacts => ({}));
  return { model, tokenizer, maxLength, trainedColumns: textColumns };
}
