import type { Gpu } from "../engine/index.ts";
import { loadPretrained } from "../model/index.ts";
import type { Opened } from "./base-model.ts";
import { checkLength } from "./data.ts";
import { UsageError } from "./errors.ts";

/** A model to be asked. */
export interface Trained extends Opened {
  /** Tokens where texts are cut. */
  readonly maxLength: number;
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
  return { model, tokenizer, maxLength };
}
