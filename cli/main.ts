#!/usr/bin/env node
// The process: its arguments, its streams and its exit code. Commands are in commands/.

import { runCommandLine } from "./command-line.ts";
import { EXIT } from "./errors.ts";
import { ownVersion } from "./version.ts";

// A reader that closes its end of the pipe (head, a pager), or a terminal that was closed, must not cost a training run: what it misses is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE" || (code === "EIO" && stream.isTTY)) return;
    if (stream === process.stdout) process.stderr.write(`error: standard output: ${message}\n`);
    process.exit(EXIT.failure);
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), ownVersion());
