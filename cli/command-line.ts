// From arguments to an exit code: runs the command, and says in one line what went wrong.

import { CommanderError } from "commander";
import { AlbertGpuError } from "../engine/index.ts";
import { ArgumentError } from "../train/index.ts";
import { EXIT, Interrupted, UsageError } from "./errors.ts";
import { optionName } from "./option-name.ts";
import { stopBars } from "./printer.ts";
import { buildProgram } from "./program.ts";

/** Runs a command. `args` come after the program's name. Returns the exit code; never throws. */
export async function runCommandLine(args: readonly string[], version: string): Promise<number> {
  try {
    await buildProgram(version, args).parseAsync(args, { from: "user" });
    return EXIT.done;
  } catch (error) {
    stopBars();
    return report(error, args.includes("--debug"));
  }
}

function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.done : EXIT.usage; // commander has printed its message
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EPIPE") return EXIT.done; // the reader has seen enough
  const isKnown = error instanceof AlbertGpuError || code !== undefined;
  const text =
    error instanceof ArgumentError
      ? message.replace(error.option, optionName(error.option))
      : message;
  if (!isKnown || debug) console.error(error);
  else process.stderr.write(`error: ${text}\n`);
  if (error instanceof Interrupted) return EXIT.interrupted;
  return error instanceof UsageError || error instanceof ArgumentError ? EXIT.usage : EXIT.failure;
}
