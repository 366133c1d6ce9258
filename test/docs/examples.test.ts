import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { inProcess } from "../cli/command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "../cli/news.ts";

// Each example as a reader would run it, by the package's public name; the condition takes the sources for the build.
const root = fileURLToPath(new URL("../..", import.meta.url));
const files = temporaryFolder();
const model = join(files.folder, "model");
prepareDriver();

beforeAll(async () => {
  const data = writeCsv(join(files.folder, "news.csv"), items(0, 24));
  const args = ["--data", data, ...QUICK, "--max-steps", "1", "--output", model];
  expect((await inProcess("train", ...args)).code).toBe(0);
});
afterAll(() => files.remove());

interface Example {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves with what it printed when it ends with 0. */
  readonly ended: Promise<string>;
  readonly firstLine: Promise<string>;
}

function start(name: string, ...args: string[]): Example {
  const flags = ["--conditions=albert-gpu-source", "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, join("docs", "examples", name), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let failed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (failed += text));
  let heard: (line: string) => void;
  const firstLine = new Promise<string>((resolve) => (heard = resolve));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    if (printed.includes("\n")) heard(printed.split("\n")[0]!);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${name} ended with ${code}:\n${printed}${failed}`));
    });
  });
  return { process: child, ended, firstLine };
}

describe("the examples", () => {
  it("are these", () => {
    expect(readdirSync(join(root, "docs", "examples")).sort()).toEqual([
      "op-by-hand.ts",
      "server.ts",
      "training-loop.ts",
    ]);
  });

  it("an op by hand", async () => {
    const printed = await start("op-by-hand.ts").ended;
    expect(printed).toContain("x^3     -3.375 0 0.125 8\n3 x^2   6.75 0 0.75 12\n");
    expect(printed).toContain("the gradient agrees with finite differences");
  });

  it("a training loop learns its texts", async () => {
    const printed = await start("training-loop.ts").ended;
    const losses = Array.from(printed.matchAll(/loss ([\d.]+)/g), ([, loss]) => Number(loss));
    expect(losses).toHaveLength(4);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses[3]).toBeLessThan(0.1);
    expect(printed).toMatch(/The parcel was broken and late: complaint 0\.9/);
    expect(printed).toMatch(/A kind answer, and quick: praise 0\.9/);
  });

  it("a server answers, and ends when it is told", async () => {
    const server = start("server.ts", model, "0");
    server.ended.catch(() => undefined); // awaited below, where it may have failed long before
    const line = await Promise.race([server.firstLine, server.ended]);
    const url = /^http:\S+/.exec(line)![0];
    const response = await fetch(url, { method: "POST", body: "Senate passes budget" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      label: expect.stringMatching(/fake|real/) as string,
      truncated: false,
    });
    server.process.kill("SIGTERM");
    await server.ended;
  });
});
