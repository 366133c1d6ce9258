// Ctrl-C while files are written: no part of one stays.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onInterrupt } from "../../cli/interrupt.ts";
import { start } from "./command.ts";
import { items, temporaryFolder, writeCsv } from "./news.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const canWait = process.platform !== "win32";
afterAll(() => files.remove());

beforeAll(() => {
  const news = items(0, 1500);
  for (const name of ["news.csv", "more.csv"]) writeCsv(path(name), [...news, ...news]);
  mkdirSync(path("isot"));
});

// A pipe takes the file's place, so that the command waits in the middle of it.
describe.skipIf(!canWait)("a signal while a command writes (needs named pipes)", () => {
  it.each([
    ["SIGINT", "news.train.csv", ["split", path("news.csv")]],
    ["SIGTERM", "clean.csv", ["clean", path("news.csv"), "--trim", "--output", path("clean.csv")]],
    [
      "SIGHUP",
      "isot/train.csv",
      ["import-isot", path("news.csv"), path("more.csv"), "--output", path("isot")],
    ],
  ] as const)("%s leaves no %s.partial", async (signal, name, args) => {
    const before = readdirSync(files.folder);
    const partial = path(`${name}.partial`);
    execFileSync("mkfifo", [partial]);
    const child = start(args);
    const reader = await open(partial, "r");
    await reader.read(Buffer.alloc(1), 0, 1); // it is writing now
    child.process.kill(signal);
    while (existsSync(partial)) await pause(5);
    await reader.close(); // a write that waits ends with it
    expect((await child.ended).code).toBe(130);
    expect(readdirSync(files.folder)).toEqual(before);
    expect(readdirSync(path("isot"))).toEqual([]);
  });
});

describe("onInterrupt", () => {
  it("takes a second SIGHUP for the first one: a closed terminal may send two", () => {
    let told = 0;
    const interrupt = onInterrupt(() => expect.unreachable());
    try {
      interrupt.finishGently(() => told++);
      process.emit("SIGHUP", "SIGHUP");
      process.emit("SIGHUP", "SIGHUP");
      expect(told).toBe(1);
      expect(interrupt.signal.aborted).toBe(true);
    } finally {
      interrupt.dispose();
    }
  });
});
