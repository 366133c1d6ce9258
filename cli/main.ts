#!/usr/bin/env node
// The command line: options, exit codes, and nothing else. Each command's work is in commands/.

import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { AlbertGpuError } from "../engine/index.ts";
import { ArgumentError } from "../train/index.ts";
import { buildProgram } from "./program.ts";
import { EXIT, Interrupted, UsageError } from "./errors.ts";

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

function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.done : EXIT.usage; // commander has printed its message
  }
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return EXIT.done; // the reader has seen enough
  if (error instanceof ArgumentError) {
    const option = error.option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    process.stderr.write(`error: --${error.message.replace(error.option, option)}\n`);
    return EXIT.usage;
  }
  const known =
    error instanceof AlbertGpuError || (error as NodeJS.ErrnoException).code !== undefined;
  if (!known || debug) console.error(error);
  else process.stderr.write(`error: ${(error as Error).message}\n`);
  if (error instanceof Interrupted) return EXIT.interrupted;
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

const program = buildProgram(version());
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, process.argv.includes("--debug"));
}
