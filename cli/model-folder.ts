// What --model names: a folder, or a model of the Hugging Face hub, which is fetched first.

import { stat } from "node:fs/promises";
import { downloadModel, HubError, isHubId } from "../model/index.ts";
import { UsageError } from "./errors.ts";
import type { Printer, Progress } from "./printer.ts";

/**
 * The folder of a model: the text itself where something of that name is here or it can be no hub id, else that of the
 * downloaded model. Throws UsageError for an empty text, and HubError.
 */
export async function modelFolder(
  printer: Printer,
  text: string,
  files: "model" | "tokenizer" = "model",
): Promise<string> {
  if (text.trim() === "") {
    throw new UsageError(
      `--model: must be a folder or a hub id, as albert/albert-base-v2; got ${JSON.stringify(text)}.`,
    );
  }
  const isHere = (await stat(text).catch(() => undefined)) !== undefined;
  if (isHere || !isHubId(text)) return text; // whoever reads the folder says what is wrong with it
  let bar: Progress | undefined;
  try {
    return await downloadModel(text, {
      files,
      onProgress({ file, done, total }) {
        if (!bar) {
          const size =
            total < 1e6 ? `${Math.ceil(total / 1e3)} kB` : `${(total / 1e6).toFixed(1)} MB`;
          printer.line(
            `download     ${text} from the hub (${size}): no folder of that name is here`,
          );
          bar = printer.progress("download", Math.ceil(total / 1e6));
        }
        bar.update(Math.ceil(done / 1e6), `MB ${file}`);
      },
      onUnreachable: ({ message }) =>
        printer.line(`offline      ${message}: using the cached model`),
    });
  } catch (error) {
    const isTypo = error instanceof HubError && [undefined, 401, 404].includes(error.status);
    if (!isTypo || error.message.includes("revision")) throw error;
    throw new HubError(`${error.message} No folder of that name is here either.`, { cause: error });
  } finally {
    bar?.stop();
  }
}
