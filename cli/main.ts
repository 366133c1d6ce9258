#!/usr/bin/env node
// The process: its arguments, its streams and its exit code. Commands are in commands/.

import { readFileSync } from "node:fs";
import { runCommandLine } from "./command-line.ts";
import { EXIT } from "./errors.ts";

function version(): string {
  // Two levels up from dist/cli, one from cli: the nearest package.json is the package's own.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return "unknown";
}

// A reader that closes its end of the pipe (head, a pager) must not cost a training run: what it misses is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") return;
    if (stream === process.stdout) process.stderr.write(`error: standard output: ${message}\n`);
    process.exit(EXIT.failure);
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), version());
