// Names and links that point elsewhere must not make anything be written, or deleted, outside the output folder.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSafetensors, writeSafetensors } from "../../model/index.ts";
import { clearLeftovers, writeFolder } from "../../train/checkpoint-folder.ts";
import { lockRun } from "../../train/index.ts";

let folder: string;
let output: string;
let outside: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "albert-gpu-paths-"));
  output = join(folder, "run");
  outside = join(folder, "outside");
  mkdirSync(output);
  mkdirSync(outside);
  writeFileSync(join(outside, "precious"), "data");
});
afterEach(() => {
  expect(readdirSync(outside)).toEqual(["precious"]);
  expect(readFileSync(join(outside, "precious"), "utf8")).toBe("data");
  expect(readdirSync(folder).sort()).toEqual(["outside", "run"]);
  rmSync(folder, { recursive: true });
});

it("a checkpoint replaces a link of its name, and does not follow it", async () => {
  symlinkSync(outside, join(output, "checkpoint-1"));
  await writeFolder(join(output, "checkpoint-1"), async (path) =>
    writeFileSync(join(path, "a"), "1"),
  );
  expect(readdirSync(join(output, "checkpoint-1")).sort()).toEqual(["a", "manifest.json"]);
});

it("half-written folders are cleaned up without following links among them", async () => {
  symlinkSync(outside, join(output, "checkpoint-2.partial"));
  mkdirSync(join(output, "checkpoint-3.partial"));
  symlinkSync(outside, join(output, "checkpoint-3.partial", "link"));
  await clearLeftovers(output);
  expect(readdirSync(output)).toEqual([]);
});

it("writing goes through a half-written folder's name that is a link without touching its target", async () => {
  symlinkSync(outside, join(output, "checkpoint-1.partial"));
  await writeFolder(join(output, "checkpoint-1"), async (path) =>
    writeFileSync(join(path, "a"), "1"),
  );
  expect(readdirSync(join(output, "checkpoint-1")).sort()).toEqual(["a", "manifest.json"]);
});

it("tensor names are data: absolute paths and dots in them write and read nothing", async () => {
  const path = join(output, "model.safetensors");
  const names = ["../outside/precious", join(outside, "precious"), "..", "a/../../b"];
  const tensors = names.map((name, i) => ({ name, shape: [1], data: Float32Array.of(i) }));
  await writeSafetensors(path, tensors);
  const file = await openSafetensors(path);
  expect(await file.read("../outside/precious")).toEqual(Float32Array.of(0));
  await file.close();
  expect(readdirSync(output)).toEqual(["model.safetensors"]);
});

it("a run's lock that is a link to a file elsewhere leaves that file alone", () => {
  symlinkSync(join(outside, "precious"), join(output, ".lock"));
  const unlock = lockRun(output);
  unlock();
});
