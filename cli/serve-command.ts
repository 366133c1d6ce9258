// `serve` with its options and examples.

import type { Command } from "commander";
import type { ServeOptions } from "./commands/serve.ts";
import { common, lengthOption } from "./options.ts";
import * as value from "./values.ts";

/** Adds `serve`. */
export function serve(program: Command): void {
  const command = program
    .command("serve")
    .summary("answer requests over HTTP, with a page to try the model on")
    .description(
      "Serves a model: POST /predict and /explain, GET /health and /metrics, and a page at /. Texts that arrive together are classified together.",
    )
    .requiredOption("--model <dir>", "folder of the model, or its hub id")
    .option("--port <n>", "0 takes any free one", value.port, 8080)
    .option("--host <address>", "0.0.0.0 lets other machines in, without a password", "127.0.0.1");
  lengthOption(command)
    .option("--max-batch <n>", "texts on the device at once", value.natural, 16)
    .option("--max-texts <n>", "texts in a request", value.natural, 64)
    .option("--max-waiting <n>", "texts that may wait; beyond that: 429", value.natural, 1024)
    .option("--max-bytes <n>", "size of a request's body; beyond that: 413", value.natural, 1 << 20)
    .option("--timeout <s>", "seconds for an answer; beyond that: 503", value.seconds, 30);
  common(command)
    .addHelpText(
      "after",
      `
Examples:
  $ albert-gpu serve --model run
  $ curl localhost:8080/predict -H content-type:application/json -d '{"text": "Senate passes budget"}'
  $ curl localhost:8080/predict -H content-type:application/json -d '{"texts": ["One", "Two"]}'`,
    )
    .action(async (options: ServeOptions) =>
      (await import("./commands/serve.ts")).serveCommand(options),
    );
}
