import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sha256, HubServer } from "../support/hub-server.ts";
import { errorsOf, inProcess, jsonLines, run, start } from "./command.ts";
import { items, QUICK, temporaryFolder, writeCsv } from "./news.ts";

// The whole way: a model trained here stands on a local hub, and every command takes it by its id.

const hub = await HubServer.start();
const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const data = writeCsv(path("news.csv"), items(0, 24));
let cache = "";

beforeAll(async () => {
  const args = ["--data", data, ...QUICK, "--max-steps", "5", "--output", path("model")];
  expect((await inProcess("train", ...args)).code).toBe(0);
  const names = readdirSync(path("model")).filter((name) =>
    /\.(json|model|safetensors)$/.test(name),
  );
  const contents = names.map((name) => [name, readFileSync(path(join("model", name)))] as const);
  hub.repositories.set("news/tiny", { files: Object.fromEntries(contents) });
});
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "albert-gpu-hub-"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", cache);
  hub.fault = () => false;
  hub.asked.length = 0;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  files.remove();
});

describe("--model with a hub id", () => {
  it("gives what the folder gives, with predict, evaluate and audit", async () => {
    const outputs = async (model: string) => {
      const cut = ["--max-length", "32"];
      const lines = await inProcess("predict", "--model", model, data, ...cut);
      const scores = await inProcess(
        "evaluate",
        "--model",
        model,
        "--data",
        data,
        "--json",
        ...cut,
      );
      const audit = await inProcess("audit", data, "--model", model, "--json");
      expect([lines.code, scores.code, audit.code]).toEqual([0, 0, 0]);
      const { f1, loss } = JSON.parse(scores.stdout) as { f1: number; loss: number };
      return [lines.stdout, f1, loss, audit.stdout];
    };
    expect(await outputs("news/tiny")).toEqual(await outputs(path("model")));
  });

  it("fine-tunes it, and says what it fetched", async () => {
    const args = ["--model", "news/tiny", "--data", data, "--max-length", "32", "--max-steps", "1"];
    const ended = await inProcess("train", ...args, "--output", path("fine"));
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/download {5}news\/tiny from the hub \([\d.]+ [kM]B\)/);
  });

  it("asks for the vocabulary alone where no weights are needed", async () => {
    const ended = await run(["tokenize", "--model", "news/tiny"], "Senate");
    expect(jsonLines(ended.stdout)).toHaveLength(1);
    expect(hub.downloads("spiece.model")).not.toEqual([]);
    expect(hub.downloads("model.safetensors")).toEqual([]);
  });

  it("prefers a folder of that name", async () => {
    const before = process.cwd();
    process.chdir(files.folder);
    try {
      mkdirSync(join("news", "tiny"), { recursive: true });
      writeFileSync(join("news", "tiny", "config.json"), "{");
      const ended = await inProcess("predict", "--model", "news/tiny", data);
      expect(errorsOf(ended)).toContain("news/tiny/config.json: must hold JSON");
      expect(hub.asked).toEqual([]);
    } finally {
      process.chdir(before);
    }
  });

  it("says what is wrong with a name in one line", async () => {
    const ended = await inProcess("predict", "--model", "news/none");
    expect(ended.code).toBe(1);
    expect(errorsOf(ended)).toMatch(
      /^error: news\/none: the hub refuses \(401\): [^\n]+ No folder of that name is here either\.$/,
    );
  });

  it("names HF_ENDPOINT where that is no address", async () => {
    vi.stubEnv("HF_ENDPOINT", "garbage");
    const ended = await inProcess("predict", "--model", "news/none");
    expect(ended.code).toBe(1);
    expect(errorsOf(ended)).toBe(
      `error: news/none: the hub's address must be a URL, as https://huggingface.co is; got "garbage". Look at HF_ENDPOINT. No folder of that name is here either.`,
    );
  });

  it("goes on after Ctrl-C, which leaves no half file", async () => {
    const weights = hub.repositories.get("news/tiny")!.files["model.safetensors"]!;
    const blobs = join(cache, "hub", "models--news--tiny", "blobs");
    const partials = (): string[] =>
      existsSync(blobs)
        ? readdirSync(blobs).filter((name) => name.startsWith(sha256(weights)))
        : [];
    let hold = true;
    hub.fault = ({ host, path: asked }, response, content) => {
      if (!hold || host !== "cdn" || !asked.endsWith(".safetensors")) return false;
      response.writeHead(200, { "content-length": content!.length });
      response.write(content!.subarray(0, 50_000));
      return true;
    };
    const child = start(["predict", "--model", "news/tiny"], "Senate");
    const onDisk = (): number =>
      partials().reduce((sum, name) => sum + statSync(join(blobs, name)).size, 0);
    while (onDisk() < 50_000) await new Promise((resolve) => setTimeout(resolve, 20));
    child.process.kill("SIGINT");
    expect((await child.ended).code).not.toBe(0);
    expect(partials()).toEqual([expect.stringMatching(/\.incomplete$/)]);
    hold = false;
    expect(
      (await inProcess("predict", "--model", "news/tiny", data, "--max-length", "32")).code,
    ).toBe(0);
    expect(hub.downloads("model.safetensors").at(-1)?.range).toBe("bytes=50000-");
    expect(readdirSync(blobs).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
    rmSync(cache, { recursive: true });
  });
});
