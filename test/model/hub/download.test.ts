import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serializeConfig } from "../../../model/config.ts";
import {
  downloadModel,
  type DownloadOptions,
  type DownloadProgress,
  HubError,
  isHubId,
} from "../../../model/hub/index.ts";
import { commitOf, gitOid, HubServer, sha256 } from "../../support/hub-server.ts";
import { integers } from "../../support/random.ts";
import { tinyConfig } from "../../support/tiny-albert.ts";

const hub = await HubServer.start();
afterAll(() => hub.stop());

const NAME = "news/tiny";
const bytes = (seed: number, count: number): Buffer => Buffer.from(integers(seed, count, 256));
const FILES = {
  "config.json": Buffer.from(serializeConfig(tinyConfig())),
  "tokenizer_config.json": Buffer.from("{}"),
  "spiece.model": bytes(1, 3000),
  "model.safetensors": bytes(2, 300_000),
  "pytorch_model.bin": bytes(3, 500),
  "README.md": Buffer.from("# A model"),
};
const WANTED = ["config.json", "model.safetensors", "spiece.model", "tokenizer_config.json"];
const WEIGHTS = FILES["model.safetensors"];

let cache: string;
let folder: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "albert-gpu-hub-"));
  folder = join(cache, "models--news--tiny");
  hub.asked.length = 0;
  hub.fault = () => false;
  hub.repositories.clear();
  hub.repositories.set(NAME, { files: FILES, revisions: ["v1.0", "refs/pr/1"] });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

const download = (id: string = NAME, options: DownloadOptions = {}): Promise<string> =>
  downloadModel(id, { endpoint: hub.endpoint, cache, attempts: 2, timeoutMs: 2000, ...options });

async function refusal(promise: Promise<unknown>): Promise<HubError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HubError);
  return error as HubError;
}

/** Files of a cache folder by path, what stands under a final name but is not whole among them. */
function blobs(): string[] {
  return existsSync(join(folder, "blobs")) ? readdirSync(join(folder, "blobs")).sort() : [];
}

describe("ids", () => {
  it.each([
    "albert-base-v2",
    "albert/albert-base-v2",
    "a/b@main",
    "a/b@v1.0",
    "a/b@refs/pr/3",
    `a/b@${"0".repeat(40)}`,
  ])("%s is one", (text) => expect(isHubId(text)).toBe(true));
  it.each([
    "",
    "./model",
    "../model",
    "/tmp/model",
    "a/b/c",
    "a/",
    "runs\\one",
    "a--b/c",
    "a/b@",
    "a/b@../../etc",
    "a/b@/x",
    "a/b@x//y",
    "a b",
    "C:/model",
    "x".repeat(97),
  ])("%j is none", async (text) => {
    expect(isHubId(text)).toBe(false);
    await expect(download(text)).rejects.toThrow("must be a hub id");
  });
});

describe("a download", () => {
  it("lays the cache out as Python does, without the files nobody reads", async () => {
    const told: DownloadProgress[] = [];
    const snapshot = await download(NAME, { onProgress: (progress) => told.push(progress) });
    expect(snapshot).toBe(join(folder, "snapshots", commitOf(NAME)));
    expect(readFileSync(join(folder, "refs", "main"), "utf8")).toBe(commitOf(NAME));
    expect(readdirSync(snapshot).sort()).toEqual(WANTED);
    for (const name of WANTED) {
      const content = FILES[name as keyof typeof FILES];
      const etag = /^(model|spiece)\./.test(name) ? sha256(content) : gitOid(content);
      expect(readlinkSync(join(snapshot, name))).toBe(join("..", "..", "blobs", etag));
      expect(readFileSync(join(snapshot, name)).equals(content)).toBe(true);
    }
    expect(blobs()).toHaveLength(WANTED.length);
    const total = WANTED.reduce((sum, name) => sum + FILES[name as keyof typeof FILES].length, 0);
    expect(told.at(-1)).toEqual({ file: "model.safetensors", done: total, total });
    expect(told.every(({ done }, i) => i === 0 || done >= told[i - 1]!.done)).toBe(true);
  });

  it("fetches nothing twice, and only the tokeniser where that is asked for", async () => {
    await download(NAME, { files: "tokenizer" });
    expect(hub.downloads("model.safetensors")).toHaveLength(0);
    await download();
    await download();
    for (const name of WANTED) expect(hub.downloads(name).filter(isHub)).toHaveLength(1);
  });

  it("takes branches, tags and commits, and asks nothing for a commit it has", async () => {
    expect(await download(`${NAME}@v1.0`)).toContain(commitOf(NAME, "v1.0"));
    expect(await download(`${NAME}@refs/pr/1`)).toContain(commitOf(NAME, "refs/pr/1"));
    const ref = join(folder, "refs", "refs", "pr", "1");
    expect(readFileSync(ref, "utf8")).toBe(commitOf(NAME, "refs/pr/1"));
    const commit = commitOf(NAME, "v1.0");
    hub.asked.length = 0;
    expect(await download(`${NAME}@${commit}`)).toBe(join(folder, "snapshots", commit));
    expect(hub.asked).toEqual([]);
    expect(existsSync(join(folder, "refs", commit))).toBe(false);
  });

  it("honours HF_ENDPOINT, HF_HOME and HF_TOKEN", async () => {
    hub.repositories.set(NAME, { files: FILES, token: "secret" });
    vi.stubEnv("HF_ENDPOINT", `${hub.endpoint}/`);
    vi.stubEnv("HF_HOME", cache);
    vi.stubEnv("HF_TOKEN", "secret");
    expect(await downloadModel(NAME)).toContain(join(cache, "hub", "models--news--tiny"));
  });

  it("does not send the token to the host it is redirected to", async () => {
    hub.repositories.set(NAME, { files: FILES, token: "secret" });
    await download(NAME, { token: "secret" });
    const cdn = hub.asked.filter(({ host }) => host === "cdn");
    expect(cdn.map(({ path }) => path)).toEqual([
      `/${NAME}/spiece.model`,
      `/${NAME}/model.safetensors`,
    ]);
    expect(cdn.every(({ token }) => token === undefined)).toBe(true);
    expect(hub.asked.filter(isHub).every(({ token }) => token === "secret")).toBe(true);
  });

  it("works offline with what is cached, by HF_HUB_OFFLINE or because the hub is away", async () => {
    const snapshot = await download();
    hub.asked.length = 0;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await download()).toBe(snapshot);
    expect(hub.asked).toEqual([]);
    const lacking = await refusal(download("news/other"));
    expect(lacking.message).toContain("models--news--other lacks config.json");
    vi.stubEnv("HF_HUB_OFFLINE", "0");
    let told: HubError | undefined;
    const away = {
      endpoint: "http://127.0.0.1:9",
      onUnreachable: (e: HubError) => void (told = e),
    };
    expect(await download(NAME, away)).toBe(snapshot);
    expect(told?.message).toContain("cannot be reached");
    expect((await refusal(download("news/other", away))).message).toMatch(
      /^news\/other: http:\/\/127\.0\.0\.1:9 cannot be reached: .+\.$/,
    );
  });

  it("replaces a link whose blob is gone", async () => {
    const snapshot = await download();
    rmSync(join(folder, "blobs", sha256(WEIGHTS)));
    expect(readFileSync(join(await download(), "model.safetensors")).equals(WEIGHTS)).toBe(true);
    expect(readdirSync(snapshot).sort()).toEqual(WANTED);
  });

  it("goes through the proxy that HTTP_PROXY names", async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", ({ url = "" }: IncomingMessage, socket: Socket) => {
      tunnels.push(url);
      const { hostname: host, port } = new URL(`http://${url}`);
      const there = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        there.pipe(socket).pipe(there);
      });
      for (const one of [there, socket]) one.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", "");
    await download();
    proxy.close();
    expect(tunnels).toContain(hub.endpoint.replace("http://", ""));
  });

  it("can be made twice at once", async () => {
    await Promise.all([download(), download()]);
    expect(readFileSync(join(await download(), "model.safetensors")).equals(WEIGHTS)).toBe(true);
    expect(blobs()).toHaveLength(WANTED.length);
  });
});

const isHub = ({ host }: { host: string }): boolean => host === "hub";
const partial = (): string => join(folder, "blobs", `${sha256(WEIGHTS)}.incomplete`);

/** Sends `count` bytes of the weights and hangs up, `times` times. What the client had not read by then may be lost to it. */
function cut(count: number, times: number): void {
  hub.fault = ({ host, path, range }, response, content) => {
    if (host !== "cdn" || !path.endsWith(".safetensors") || times-- <= 0) return false;
    const start = Number(/\d+/.exec(range ?? "")?.[0] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content!.length - start,
      ...(start > 0 && {
        "content-range": `bytes ${start}-${content!.length - 1}/${content!.length}`,
      }),
    });
    response.write(content!.subarray(start, start + count), () =>
      setTimeout(() => response.socket?.end(), 200),
    );
    return true;
  };
}

describe("a body that breaks off", () => {
  it("is asked for again from where it ended", async () => {
    cut(100_000, 1);
    const snapshot = await download();
    expect(readFileSync(join(snapshot, "model.safetensors")).equals(WEIGHTS)).toBe(true);
    const ranges = hub.downloads("model.safetensors").filter((asked) => !isHub(asked));
    expect(ranges[0]!.range).toBeUndefined();
    expect(ranges[1]!.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(blobs()).toHaveLength(WANTED.length);
  });

  it("leaves what came for the next run, and no half file", async () => {
    cut(100_000, 2);
    const error = await refusal(download());
    expect(error.message).toMatch(
      /^news\/tiny: model\.safetensors ended after [1-9]\d+ of 300000 bytes.* goes on from there\.$/,
    );
    expect(blobs()).not.toContain(sha256(WEIGHTS));
    const kept = readFileSync(partial());
    expect(kept.length).toBe(Number(/after (\d+) of/.exec(error.message)![1]));
    expect(kept.equals(WEIGHTS.subarray(0, kept.length))).toBe(true);
    expect(existsSync(join(folder, "snapshots", commitOf(NAME), "model.safetensors"))).toBe(false);
    expect(existsSync(join(folder, "refs", "main"))).toBe(false);
    hub.asked.length = 0;
    let first: DownloadProgress | undefined;
    await download(NAME, { onProgress: (progress) => (first ??= progress) });
    expect(first).toMatchObject({ file: "model.safetensors", done: kept.length, total: 300_000 });
    expect(hub.downloads("model.safetensors").at(-1)?.range).toBe(`bytes=${kept.length}-`);
    expect(blobs()).toHaveLength(WANTED.length);
  });

  it("is noticed where no length was announced", async () => {
    hub.fault = ({ host, path }, response) => {
      if (host !== "cdn" || !path.endsWith(".safetensors")) return false;
      response.writeHead(200); // ends as a whole chunked body does
      response.end(WEIGHTS.subarray(0, 1000));
      return true;
    };
    expect((await refusal(download())).message).toContain("ended after 1000 of 300000 bytes.");
  });

  it("starts over where the server knows no ranges", async () => {
    mkdirSync(join(folder, "blobs"), { recursive: true });
    writeFileSync(partial(), WEIGHTS.subarray(0, 5000));
    hub.fault = ({ host, path }, response, content) => {
      if (host !== "cdn" || !path.endsWith(".safetensors")) return false;
      response.writeHead(200, { "content-length": content!.length }).end(content);
      return true;
    };
    expect(readFileSync(join(await download(), "model.safetensors")).equals(WEIGHTS)).toBe(true);
  });

  it("goes on after a process that was killed, and leaves a running one alone", async () => {
    mkdirSync(join(folder, "blobs"), { recursive: true });
    const host = hostname().replaceAll(/\W/g, "_");
    const etag = sha256(WEIGHTS);
    const named = (pid: number): string =>
      join(folder, "blobs", `${etag}.${host}-${pid}-0.incomplete`);
    writeFileSync(named(2 ** 22 + 1), WEIGHTS.subarray(0, 7000)); // above Linux's largest process id
    writeFileSync(named(1), WEIGHTS.subarray(0, 9000));
    await download();
    expect(hub.downloads("model.safetensors").at(-1)?.range).toBe("bytes=7000-");
    expect(existsSync(named(1))).toBe(true);
    expect(blobs()).toHaveLength(WANTED.length + 1);
  });

  it("is given up when it stalls", async () => {
    hub.fault = ({ host, path }, response, content) => {
      if (host !== "cdn" || !path.endsWith(".safetensors")) return false;
      response.writeHead(200, { "content-length": content!.length });
      response.write(content!.subarray(0, 10));
      return true;
    };
    const error = await refusal(download(NAME, { timeoutMs: 300, attempts: 1 }));
    expect(error.message).toContain("ended after 10 of 300000 bytes (Body Timeout Error)");
  });
});

describe("a wrong checksum", () => {
  const damage = (times: number): void => {
    hub.fault = ({ host, path, range }, response, content) => {
      if (host !== "cdn" || !path.endsWith(".safetensors") || times-- <= 0) return false;
      const damaged = Buffer.from(content!);
      damaged[299_999]! ^= 1;
      const start = Number(/\d+/.exec(range ?? "")?.[0] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, {
        "content-range": `bytes ${start}-299999/300000`,
      });
      response.end(damaged.subarray(start));
      return true;
    };
  };

  it("is refused, and nothing of the file is kept", async () => {
    damage(1);
    const error = await refusal(download());
    expect(error.message).toContain(`model.safetensors must have the checksum ${sha256(WEIGHTS)}`);
    expect(blobs().filter((name) => name.startsWith(sha256(WEIGHTS)))).toEqual([]);
    await download();
  });

  it("is checked for small files too, by git's hash", async () => {
    hub.fault = ({ path }, response) => {
      if (!path.endsWith("/tokenizer_config.json")) return false;
      response.end("[]");
      return true;
    };
    const error = await refusal(download());
    expect(error.message).toContain(
      `tokenizer_config.json must have the checksum ${gitOid(FILES["tokenizer_config.json"])}`,
    );
  });

  it("of a file that an earlier try began is cured by fetching it whole", async () => {
    mkdirSync(join(folder, "blobs"), { recursive: true });
    writeFileSync(partial(), Buffer.alloc(6000, 7));
    expect(readFileSync(join(await download(), "model.safetensors")).equals(WEIGHTS)).toBe(true);
    const ranges = hub.downloads("model.safetensors").filter((asked) => !isHub(asked));
    expect(ranges.map(({ range }) => range)).toEqual(["bytes=6000-", undefined]);
  });
});

describe("a refusal", () => {
  it.each([
    ["news/none", {}, /^news\/none: the hub refuses \(401\): the name is wrong, or .+HF_TOKEN/],
    ["news/none", { token: "secret" }, /^news\/none: the hub has no such model \(404\)\.$/],
    [`${NAME}@v9`, {}, /^news\/tiny@v9: the hub has the model but not this revision \(404\)\.$/],
  ])("of %s with %j says what is wrong", async (id, options, message) => {
    const error = await refusal(download(id, options));
    expect(error.message).toMatch(message);
    expect(existsSync(folder)).toBe(false);
    expect(hub.asked).toHaveLength(1); // asking again would not help
  });

  it("of a token or a gated model says what to do", async () => {
    let code = "";
    hub.fault = (_, response) => {
      response.writeHead(403, { "x-error-code": code }).end();
      return true;
    };
    expect((await refusal(download(NAME, { token: "old" }))).message).toContain(
      "the token in HF_TOKEN",
    );
    code = "GatedRepo";
    expect((await refusal(download())).message).toContain("ask for access on its page");
  });

  it("that may pass is asked again", async () => {
    let failures = 1;
    hub.fault = (_, response) => {
      if (failures-- <= 0) return false;
      response.writeHead(503, { "retry-after": "0" }).end();
      return true;
    };
    await download();
    failures = 99;
    const error = await refusal(download());
    expect(error.message).toBe("news/tiny: the hub answered 503.");
    expect(error.status).toBe(503);
  });
});

describe("a repository without what is needed", () => {
  const without = (...names: string[]): Record<string, Buffer> =>
    Object.fromEntries(Object.entries(FILES).filter(([name]) => !names.includes(name)));

  it.each([
    [without("model.safetensors"), "the weights are in pytorch_model.bin", "save_pretrained('DIR'"],
    [
      { ...without("model.safetensors"), "model.safetensors.index.json": Buffer.from("{}") },
      "the weights are in several files",
      "max_shard_size",
    ],
    [
      { ...without("spiece.model"), "tokenizer.json": Buffer.from("{}") },
      "has no spiece.model, only tokenizer.json",
      "copy spiece.model from the model it began with",
    ],
    [without("config.json"), "has no config.json", "a model needs"],
  ])("is refused before anything is fetched (%#)", async (files, message, remedy) => {
    hub.repositories.set(NAME, { files });
    const error = await refusal(download());
    expect(error.message).toContain(message);
    expect(error.message).toContain(remedy);
    expect(hub.asked.some(({ path }) => path.includes("/resolve/"))).toBe(false);
  });

  it("is refused before its weights are fetched when it is no ALBERT", async () => {
    hub.repositories.set(NAME, {
      files: { ...FILES, "config.json": Buffer.from('{"model_type": "t5"}') },
    });
    await expect(download()).rejects.toThrow(/model_type.+t5/);
    expect(hub.downloads("model.safetensors")).toEqual([]);
  });
});

describe("what Python's huggingface_hub left", () => {
  it("is found, links and all", async () => {
    const commit = commitOf(NAME);
    const snapshot = join(folder, "snapshots", commit);
    for (const path of [snapshot, join(folder, "blobs"), join(folder, "refs")]) {
      mkdirSync(path, { recursive: true });
    }
    writeFileSync(join(folder, "refs", "main"), commit);
    for (const [name, content] of Object.entries(FILES)) {
      const etag = gitOid(content);
      writeFileSync(join(folder, "blobs", etag), content);
      symlinkSync(join("..", "..", "blobs", etag), join(snapshot, name));
    }
    expect(await download(NAME, { offline: true })).toBe(snapshot);
    expect(await download()).toBe(snapshot);
    expect(hub.downloads("config.json")).toEqual([]);
  });
});
