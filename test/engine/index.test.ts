import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The package's declarations as another project's compiler reads them: without this one's settings.
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "albert-gpu-types-"));
const tsc = (...args: string[]): string => {
  const command = join(root, "node_modules", "typescript", "bin", "tsc");
  return spawnSync(process.execPath, [command, ...args], { cwd: folder, encoding: "utf8" }).stdout;
};

beforeAll(() => {
  const out = ["--emitDeclarationOnly", "--outDir", join(folder, "dist")];
  expect(tsc("-p", join(root, "cli", "tsconfig.build.json"), ...out)).toBe("");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(
    join(root, "node_modules", "@types"),
    join(folder, "node_modules", "@types"),
    "junction",
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(folder, "use.ts"),
    `import { add, type Tensor } from "./dist/engine/index.js";
     import { openGpu, Trainer } from "./dist/train/index.js";
     const gpu = await openGpu();
     const x: Tensor = gpu.upload(Float32Array.of(1, 2, 3));
     console.log(await gpu.read(add(gpu, x, x)), Trainer);
     gpu.persistent("state", 4).gpu.destroy();
     gpu.close();`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the declarations", () => {
  it.each([
    ["without a browser's types", ["es2023"]],
    ["with a browser's types", ["es2023", "dom"]],
  ])("compile in a strict project %s", (_name, lib) => {
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "es2023",
      module: "nodenext",
      types: ["node"],
      lib,
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["use.ts"] }),
    );
    expect(tsc("-p", folder)).toBe("");
  });
});
