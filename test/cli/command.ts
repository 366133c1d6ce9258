// Runs the command line: in this process, where many quick calls are made, or as a child, as a user would.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { runCommandLine } from "../../cli/command-line.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a command left behind. `code` is null when a signal ended it. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command in this process, and catches what it writes. */
export async function inProcess(...args: string[]): Promise<Ended> {
  const written = { stdout: "", stderr: "" };
  const catchers = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk, encoding, done) => {
      written[name] += chunk.toString();
      const callback = typeof encoding === "function" ? encoding : done;
      callback?.();
      return true;
    }),
  );
  try {
    return { code: await runCommandLine(args, "0.0.0"), ...written };
  } finally {
    for (const catcher of catchers) catcher.mockRestore();
  }
}

export interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Ended>;
  /** Resolves when either stream has said `text`; rejects when the process ends without it. */
  saying(text: string): Promise<void>;
}

/** Starts `albert-gpu` with the sources of this tree. */
export function start(args: readonly string[], input?: string | Buffer): Child {
  const child = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  const waiting: { text: string; heard: () => void }[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      written[name] += chunk;
      for (const { text, heard } of waiting) if (written[name].includes(text)) heard();
    });
  }
  child.stdin.on("error", () => undefined); // a command need not read all of it
  child.stdin.end(input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...written }));
  });
  const saying = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (written.stdout.includes(text) || written.stderr.includes(text)) return resolve();
      waiting.push({ text, heard: resolve });
      void ended.then(({ stdout, stderr }) =>
        reject(new Error(`never said "${text}":\n${stdout}\n${stderr}`)),
      );
    });
  return { process: child, ended, saying };
}

/** Runs `albert-gpu` as a child to its end. */
export function run(args: readonly string[], input?: string | Buffer): Promise<Ended> {
  return start(args, input).ended;
}

/** The last line a command wrote, parsed. */
export function lastJson(text: string): unknown {
  return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
}

/** Each line a command wrote, parsed. */
export function jsonLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** stderr without what the GPU's driver says there by itself. */
export function errorsOf({ stderr }: Ended): string {
  return stderr
    .split("\n")
    .filter((line) => !line.startsWith("Warning: maxDynamic"))
    .join("\n")
    .trimEnd();
}
