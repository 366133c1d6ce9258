import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Printer } from "../../cli/printer.ts";
import { tune, TUNING_FILE } from "../../cli/tuning.ts";
import { FileError, type TunedProduct } from "../../engine/index.ts";
import { openTestGpu } from "../support/device.ts";
import { openSmallTiles } from "../support/small-tiles.ts";
import { microModel, microSet, MICRO_ARGUMENTS } from "../train/micro-run.ts";

const gpu = await openSmallTiles();
const software = await openTestGpu();
const model = microModel(gpu);
const home = process.env["HOME"];
let folder: string;
beforeAll(() => {
  delete process.env["XDG_CACHE_HOME"]; // it would win
  process.env["HOME"] = mkdtempSync(join(tmpdir(), "albert-gpu-home-"));
});
beforeEach(() => {
  gpu.matmul.use([]);
  folder = mkdtempSync(join(tmpdir(), "albert-gpu-tuning-"));
});
afterAll(() => {
  rmSync(process.env["HOME"]!, { recursive: true, force: true });
  process.env["HOME"] = home;
  model.destroy();
});

const run = (tuning: string, on = gpu, output: string | false = folder, resume = false) =>
  tune({
    gpu: on,
    model,
    train: microSet(40, 1),
    args: MICRO_ARGUMENTS,
    tuning,
    output: output || undefined,
    resume,
    printer: new Printer(true),
  });
const productsOf = (file: string): TunedProduct[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { products: TunedProduct[] }).products;
const cached = (): string[] => {
  const cache = join(process.env["HOME"]!, ".cache", "albert-gpu");
  try {
    return readdirSync(cache).map((name) => join(cache, name));
  } catch {
    return [];
  }
};

it("times once, keeps the choices for this adapter, and writes them beside the run", async () => {
  await run("auto");
  const [file] = cached();
  const products = productsOf(file!);
  // Five weights, each forward and for two gradients.
  expect(products).toHaveLength(15);
  expect(productsOf(join(folder, TUNING_FILE))).toEqual(products);
  // A second run takes them as they are: even a choice that no timing would make.
  const [first, ...rest] = products;
  const other = { ...first!, variant: "tiled 64x64x8 split 4" };
  const text = JSON.parse(readFileSync(file!, "utf8")) as object;
  writeFileSync(file!, JSON.stringify({ ...text, products: [other, ...rest] }));
  const second = mkdtempSync(join(tmpdir(), "albert-gpu-tuning-"));
  await run("auto", gpu, second);
  expect(productsOf(join(second, TUNING_FILE))[0]).toEqual(other);
  expect(cached()).toEqual([file]);
});

it("uses what the run began with when it goes on, whatever is asked for", async () => {
  const began = [{ layout: "TN", rows: 128, sizes: [16, 8], variant: "tiled 64x64x8 split 4" }];
  writeFileSync(join(folder, TUNING_FILE), JSON.stringify({ products: began }));
  await run("off", gpu, folder, true);
  expect(gpu.matmul.choose("TN", { M: 16, N: 8, K: 128 }).split).toBe(4);
  expect(productsOf(join(folder, TUNING_FILE))).toEqual(began);
});

it("does not use what a dead run left, when another begins in its folder", async () => {
  const left = [{ layout: "TN", rows: 128, sizes: [16, 8], variant: "tiled 64x64x8 split 4" }];
  writeFileSync(join(folder, TUNING_FILE), JSON.stringify({ products: left }));
  await run("off");
  expect(gpu.matmul.choose("TN", { M: 16, N: 8, K: 128 }).split).toBe(1);
});

it("auto on a software adapter times nothing and writes nothing", async () => {
  const before = cached();
  await run("auto", software);
  expect(cached()).toEqual(before);
  expect(readdirSync(folder)).toEqual([]);
});

it("off times nothing, neither when the run is resumed without saying so again", async () => {
  const before = cached();
  await run("off");
  await run("auto", gpu, folder, true);
  expect(cached()).toEqual(before);
  expect(productsOf(join(folder, TUNING_FILE))).toEqual([]);
  expect(gpu.matmul.choose("TN", { M: 16, N: 8, K: 128 }).split).toBe(1);
});

it("makes a damaged file of the cache anew", async () => {
  await run("auto");
  const [file] = cached();
  writeFileSync(file!, '{"products": [{"layout"');
  await run("auto", gpu, mkdtempSync(join(tmpdir(), "albert-gpu-tuning-")));
  expect(productsOf(file!)).toHaveLength(15);
});

it("takes a file's choices, pins them to the run, and refuses what is no tuning file", async () => {
  const file = join(folder, "given.json");
  const output = mkdtempSync(join(tmpdir(), "albert-gpu-tuning-"));
  const given = [{ layout: "TN", rows: 128, sizes: [16, 16], variant: "tiled 64x64x8 split 4" }];
  writeFileSync(file, JSON.stringify({ products: given }));
  await run(file, gpu, output);
  expect(gpu.matmul.choose("TN", { M: 16, N: 16, K: 128 }).split).toBe(4);
  expect(productsOf(join(output, TUNING_FILE))).toEqual(given);
  for (const text of ["", "{}", '{"products": [{"layout": "XX"}]}', "[1, 2"]) {
    writeFileSync(file, text);
    await expect(run(file)).rejects.toThrow(FileError);
  }
  await expect(run(join(folder, "absent.json"))).rejects.toThrow(/absent.json: no such file/);
});

it("writes nothing beside a dry run", async () => {
  await run("auto", gpu, false);
  expect(readdirSync(folder)).toEqual([]);
});

it("goes on where the choices cannot be kept, and says so", async () => {
  const file = join(folder, "no folder");
  writeFileSync(file, "");
  vi.stubEnv("XDG_CACHE_HOME", file);
  const line = vi.spyOn(Printer.prototype, "line").mockImplementation(() => undefined);
  try {
    await run("auto");
    expect(line).toHaveBeenLastCalledWith(
      expect.stringMatching(/15 of 15 products timed now, not kept for the next run: E/),
    );
    expect(productsOf(join(folder, TUNING_FILE))).toHaveLength(15);
  } finally {
    line.mockRestore();
    vi.unstubAllEnvs();
  }
});
