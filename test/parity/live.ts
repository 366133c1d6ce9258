// The checks that need Python at hand. Each returns its figures in words, and throws when a bound is broken.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Gpu } from "../../engine/index.ts";
import { loadPretrained, openSafetensors, savePretrained, Tokenizer } from "../../model/index.ts";
import { logitsOf } from "../../train/step.ts";
import { hashedBatch } from "../support/hashed.ts";
import { albertSpiece } from "../support/spiece.ts";
import {
  BOUNDS,
  compute,
  errorsOf,
  gradientBound,
  hashedModel,
  type ModelGolden,
  readGolden,
} from "./cases.ts";
import { relativeError } from "./distance.ts";
import { ELEMENT_TYPES, type FolderGolden, logitsAndDestroy } from "./folders.ts";
import type { Python } from "./python.ts";
import { differences } from "./same-golden.ts";

/** What a check works with. `temporary` is a folder that is deleted afterwards. */
export interface Bench {
  readonly gpu: Gpu;
  readonly python: Python;
  readonly temporary: string;
}

type Check = (bench: Bench) => Promise<string> | string;

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const SPIECE = path("../../cli/sample/spiece.model");
const scientific = (value: number): string => value.toExponential(1);

function expectBelow(what: string, value: number, bound: number): void {
  if (!(value < bound)) throw new Error(`${what} must be below ${bound}; got ${value}.`);
}

/** Checks one golden file against a new one. */
function again(committed: string, make: (python: Python, file: string) => void): Check {
  return ({ python, temporary }) => {
    const file = join(temporary, "again.json");
    make(python, file);
    const [now, then] = [readFileSync(file, "utf8"), readFileSync(path(committed), "utf8")].map(
      (text): unknown => JSON.parse(text),
    );
    if (JSON.stringify(now) === JSON.stringify(then)) return "the same to the last digit";
    const changed = differences(now, then);
    if (changed.length === 0) return "the same but for rounding";
    throw new Error(`${changed.length} values differ, first ${changed.slice(0, 3).join(", ")}`);
  };
}

async function wholeGrid({ gpu, python, temporary }: Bench): Promise<string> {
  const file = join(temporary, "grid.json");
  const folder = join(temporary, "whole");
  mkdirSync(folder);
  python.run("models.py", ["grid", file, "--whole", folder]);
  const { names, cases } = readGolden(pathToFileURL(file)) as ModelGolden;
  let worst = { logits: 0, loss: 0, relative: 0, cosine: 1, rounding: 0 };
  for (const [number, golden] of cases.entries()) {
    const weights = await openSafetensors(join(folder, `${number}.safetensors`));
    const whole = new Map<string, Float32Array>();
    for (const name of weights.tensors.keys()) whole.set(name, await weights.read(name));
    await weights.close();
    const errors = errorsOf(golden, names[golden.structure]!, await compute(gpu, golden), whole);
    expectBelow(`${golden.name}: logits`, errors.logits, BOUNDS.logits);
    expectBelow(`${golden.name}: loss`, errors.loss, BOUNDS.loss);
    expectBelow(`${golden.name}: ${errors.worst}`, errors.relative, gradientBound(golden));
    expectBelow(`${golden.name}: 1 - cosine`, 1 - errors.cosine, 1 - BOUNDS.cosine);
    expectBelow(`${golden.name}: rounding`, errors.rounding, BOUNDS.rounding);
    worst = {
      logits: Math.max(worst.logits, errors.logits),
      loss: Math.max(worst.loss, errors.loss),
      relative: Math.max(worst.relative, errors.relative),
      cosine: Math.min(worst.cosine, errors.cosine),
      rounding: Math.max(worst.rounding, errors.rounding),
    };
  }
  return `${cases.length} models; at worst logits ${scientific(worst.logits)}, loss ${scientific(worst.loss)}, gradients ${scientific(worst.relative)}, cosine 1 - ${scientific(1 - worst.cosine)}`;
}

async function savedHere({ gpu, python, temporary }: Bench): Promise<string> {
  const { cases } = readGolden("grid.json") as ModelGolden;
  const tokenizer = await Tokenizer.load(SPIECE);
  const chosen = cases.filter(({ T }) => T === 64);
  let worst = 0;
  for (const [number, golden] of chosen.entries()) {
    const folder = join(temporary, `saved-${number}`);
    mkdirSync(folder);
    const model = hashedModel(gpu, golden.config, golden);
    await savePretrained(folder, model, tokenizer);
    const mine = await gpu.settle(logitsOf(gpu, model, hashedBatch(model.config, golden)));
    model.destroy();
    const { seed, T, lengths } = golden;
    writeFileSync(join(folder, "case.json"), JSON.stringify({ seed, T, lengths }));
    const theirs = JSON.parse(python.run("folders.py", ["read", folder])) as number[];
    worst = Math.max(worst, relativeError(mine, theirs));
    expectBelow(`${golden.name}: logits`, worst, 1e-5);
  }
  return `${chosen.length} folders; logits ${scientific(worst)} at worst`;
}

/** Runs of letters, of which pieces of equal probability can be made, behind nothing and behind known and unknown characters. */
const RUNS = ["o", "k", "a", "!", "ha"].flatMap((unit) =>
  ["", "s", "“", "객", "☃☃"].flatMap((before) =>
    Array.from({ length: 24 }, (_, i) => before + unit.repeat(i + 1)),
  ),
);

async function tokenizerSavedHere({ python, temporary }: Bench): Promise<string> {
  const news = readFileSync(path("../../cli/sample/news.csv"), "utf8").split("\n").slice(1, 201);
  const texts = [...news, ...RUNS];
  const albert = join(temporary, "albert.model");
  writeFileSync(albert, albertSpiece());
  for (const [i, model] of [SPIECE, albert].entries()) {
    const folder = join(temporary, `tokenizer-${i}`);
    mkdirSync(folder);
    const tokenizer = await Tokenizer.load(model);
    await tokenizer.save(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ model_type: "albert" }));
    const output = python.run("folders.py", ["tokenize", folder], texts.join("\n"));
    const theirs = JSON.parse(output) as number[][];
    for (const [k, text] of texts.entries()) {
      const mine = [...tokenizer.encode(text, 512)];
      if (JSON.stringify(mine) !== JSON.stringify(theirs[k])) {
        throw new Error(
          `${JSON.stringify(text)}: ids must be ${theirs[k]?.join()}; got ${mine.join()}.`,
        );
      }
    }
  }
  return `${texts.length} texts, two vocabularies, the same ids`;
}

async function writtenByTransformers({ gpu, python, temporary }: Bench): Promise<string> {
  const folder = join(temporary, "written");
  mkdirSync(folder);
  const { vocabSize } = await Tokenizer.load(SPIECE);
  python.run("folders.py", ["fixtures", folder, String(vocabSize)]);
  const golden = readGolden(pathToFileURL(join(folder, "logits.json"))) as FolderGolden;
  const figures: string[] = [];
  for (const type of ELEMENT_TYPES) {
    cpSync(SPIECE, join(folder, type, "spiece.model"));
    const { model, report } = await loadPretrained(gpu, join(folder, type));
    const logits = await logitsAndDestroy(gpu, model, golden);
    const other = [...report.missing, ...report.unused].join(", ");
    if (other !== "") throw new Error(`${type}: every tensor must be used; not so: ${other}.`);
    const error = relativeError(logits, golden.logits[type]);
    expectBelow(`${type}: logits`, error, 1e-5);
    figures.push(`${type} ${scientific(error)}`);
  }
  return `logits ${figures.join(", ")}`;
}

function randomReports({ python, temporary }: Bench): string {
  const file = join(temporary, "metrics.json");
  writeFileSync(file, python.run("metrics.py", ["--random", "500", "--seed", "7"]));
  const root = path("../..");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--config", "test/vitest.config.ts", "test/train/metrics.test.ts"];
  const env = { ...process.env, METRICS_GOLDEN: file };
  const done = spawnSync(process.execPath, [vitest, ...args], { cwd: root, env, encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stdout.trim().split("\n").slice(-20).join("\n"));
  return "500 random cases, character for character";
}

/** All checks by name, the quick ones first. */
export const CHECKS: Readonly<Record<string, Check>> = {
  "golden/order.json is our Trainer's order": again("golden/order.json", (_python, file) => {
    const tsx = path("../../node_modules/tsx/dist/cli.mjs");
    const done = spawnSync(process.execPath, [tsx, path("order.ts")], { encoding: "utf8" });
    writeFileSync(file, done.stdout);
  }),
  "golden/trainer.json made again": again("golden/trainer.json", (python, file) => {
    python.run("trainer.py", [path("golden/order.json"), file]);
  }),
  "golden/grid.json made again": again("golden/grid.json", (python, file) => {
    python.run("models.py", ["grid", file]);
  }),
  "golden/base.json made again": again("golden/base.json", (python, file) => {
    python.run("models.py", ["base", file]);
  }),
  "golden/folders made again": again("golden/folders/logits.json", (python, file) => {
    const folder = `${file}.folders`;
    mkdirSync(folder);
    python.run("folders.py", ["fixtures", folder]);
    cpSync(join(folder, "logits.json"), file);
  }),
  "classification-report.json made again": again(
    "../train/fixtures/classification-report.json",
    (python, file) => writeFileSync(file, python.run("metrics.py", [])),
  ),
  "reports and scores are scikit-learn's": randomReports,
  "a folder saved here opens in transformers": savedHere,
  "a tokeniser saved here opens in transformers": tokenizerSavedHere,
  "folders written by transformers open here": writtenByTransformers,
  "the whole grid, every gradient in full": wholeGrid,
};
