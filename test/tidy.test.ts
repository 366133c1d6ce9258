// The shape of the repository, so that it stays what ARCHITECTURE.md says.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = ["kernels", "engine", "model", "train", "cli", "bench", "docs"];

/** Paths of files below a folder, relative to the root. */
function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"));
}

const text = (path: string): string => readFileSync(join(root, path), "utf8");

describe("every op", () => {
  const ops = files("engine/ops", ".ts").filter((path) => !path.endsWith("index.ts"));

  it.each(ops)("%s has a test of the same stem", (path) => {
    expect(existsSync(join(root, "test", path.replace(/\.ts$/, ".test.ts")))).toBe(true);
  });
});

describe("every kernel", () => {
  const declared = files("kernels", ".ts").map(text).join("\n");

  it.each(files("kernels", ".wgsl"))("%s is declared by a .ts beside it", (path) => {
    const file = path.replace(/^kernels/, ".");
    expect(declared).toContain(`"${file}"`);
  });

  it.each(files("kernels", ".wgsl"))("%s begins by saying what it computes", (path) => {
    expect(text(path)).toMatch(/^\/\/ /);
  });
});

describe("every source file", () => {
  const sources = SOURCES.flatMap((folder) => files(folder, ".ts"));

  it.each(sources)("%s is at most 300 lines long", (path) => {
    expect(text(path).split("\n").length).toBeLessThanOrEqual(301);
  });
});

describe("imports", () => {
  const LAYERS = ["kernels", "engine", "model", "train", "cli"];

  it.each(LAYERS.flatMap((folder) => files(folder, ".ts")))(
    "of %s go down the layers only",
    (path) => {
      const own = LAYERS.indexOf(path.split("/")[0]!);
      const imported = [...text(path).matchAll(/from "((?:\.\.\/)+)(\w+)\//g)].map(
        (match) => match[2]!,
      );
      for (const folder of imported) {
        const layer = LAYERS.indexOf(folder);
        if (layer !== -1) expect(layer, `${path} imports ${folder}`).toBeLessThanOrEqual(own);
      }
    },
  );

  it("of the webgpu package stand in engine/device.ts alone, and of test and bench nowhere in the package", () => {
    const all = LAYERS.flatMap((folder) => files(folder, ".ts"));
    const of = (pattern: RegExp): string[] => all.filter((path) => pattern.test(text(path)));
    expect(of(/from "webgpu"/)).toEqual(["engine/device.ts"]);
    expect(of(/from "(\.\.\/)+(test|bench)\//)).toEqual([]);
  });
});
