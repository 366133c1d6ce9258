import type { Gpu } from "../engine/index.ts";
import { loadPretrained } from "../model/index.ts";
import type { Opened } from "./base-model.ts";
import { UsageError } from "./errors.ts";

/** Opens a model to ask it, for the command `where`. Throws UsageError for one that is not trained yet. */
export async function openTrained(gpu: Gpu, folder: string, where: string): Promise<Opened> {
  const { model, tokenizer, report } = await loadPretrained(gpu, folder);
  if (report.missing.length > 0) {
    throw new UsageError(
      `${where}: the model must be trained; ${folder} lacks ${report.missing.join(", ")}.`,
    );
  }
  return { model, tokenizer };
}
