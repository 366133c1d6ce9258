// `albert-gpu serve`: a model behind HTTP, with a page to try it on.

import { once } from "node:events";
import { openAndTell } from "../device.ts";
import { UsageError } from "../errors.ts";
import { onInterrupt } from "../interrupt.ts";
import { modelFolder } from "../model-folder.ts";
import { Printer } from "../printer.ts";
import { ModelServer } from "../serve/server.ts";
import { openTrained } from "../trained-model.ts";

export interface ServeOptions {
  readonly model: string;
  readonly host: string;
  /** 0 takes any port that is free. */
  readonly port: number;
  /** In tokens; the default is where training cut texts. */
  readonly maxLength?: number | undefined;
  readonly maxBatch: number;
  readonly maxWaiting: number;
  readonly maxTexts: number;
  /** Of a body. */
  readonly maxBytes: number;
  /** Seconds for an answer. */
  readonly timeout: number;
  readonly adapter?: string | undefined;
}

// For requests in flight when the server is told to stop. Docker waits as long before it kills, Kubernetes 30 s.
const MOST_GRACE_MS = 10_000;

/**
 * Serves until SIGINT or SIGTERM, then finishes what it has. Throws UsageError for limits that do not go together, an
 * untrained model or a port that is taken.
 */
export async function serveCommand(options: ServeOptions): Promise<void> {
  const printer = new Printer(false);
  const { host, port, maxBatch, maxWaiting, maxTexts, maxBytes } = options;
  if (maxWaiting < maxTexts) {
    // A request of so many texts would be told to come again for ever.
    throw new UsageError(
      `serve: --max-waiting must be at least --max-texts, ${maxTexts}; got ${maxWaiting}.`,
    );
  }
  const answerMs = options.timeout * 1000;
  const folder = await modelFolder(printer, options.model);
  const gpu = await openAndTell(printer, options.adapter);
  const interrupt = onInterrupt(() => undefined);
  try {
    const { model, tokenizer, maxLength } = await openTrained(
      gpu,
      folder,
      "serve",
      options.maxLength,
    );
    const limits = { maxLength, maxBatch, maxWaiting, maxTexts, maxBytes, answerMs };
    let told = "";
    const server = new ModelServer(
      { gpu, model, tokenizer, name: options.model },
      { ...limits, headersMs: 10_000, requestMs: 20_000 },
      (error) => {
        const text = String(error);
        if (text !== told) printer.line(`error        ${text}`); // a lost device says the same every time
        told = text;
      },
    );
    await server.warmUp();
    const stopped = once(interrupt.signal, "abort");
    interrupt.finishGently(() =>
      printer.line(
        `stopping     after ${server.inFlight} requests in flight (press again to end at once)`,
      ),
    );
    const url = await server.listen(host, port).catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError(`serve: --host and --port must be free to use; ${cause.message}.`, {
        cause,
      });
    });
    printer.line(`serving      ${url} (Ctrl-C stops)`);
    if (!server.loopbackOnly) {
      printer.line("             anyone who reaches this address can use it: there is no password");
    }
    await stopped;
    await server.close(Math.min(answerMs, MOST_GRACE_MS));
    printer.line("stopped");
  } finally {
    interrupt.dispose();
    gpu.close();
  }
}
