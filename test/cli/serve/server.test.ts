import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ModelServer, type ServerLimits } from "../../../cli/serve/server.ts";
import { openDevice } from "../../../engine/device.ts";
import { Gpu } from "../../../engine/gpu.ts";
import { Tokenizer } from "../../../model/index.ts";
import { type Verdict, verdictsOf, encodeText, logitsOf, collate } from "../../../train/index.ts";
import { openTestGpu } from "../../support/device.ts";
import { tinyConfig, tinyModel } from "../../support/tiny-albert.ts";
import { SPIECE } from "../news.ts";

const gpu = await openTestGpu();
const tokenizer = await Tokenizer.load(SPIECE);
const config = tinyConfig({ vocab_size: tokenizer.vocabSize, max_position_embeddings: 512 });
const model = tinyModel(gpu, config);
const LIMITS: ServerLimits = {
  maxLength: 512,
  maxBatch: 16,
  maxWaiting: 100,
  maxTexts: 8,
  maxBytes: 1 << 20,
  answerMs: 20_000,
  headersMs: 500,
  requestMs: 1000,
};

const errors: unknown[] = [];
const servers: ModelServer[] = [];

async function serve(
  limits: Partial<ServerLimits> = {},
  served = { gpu, model },
): Promise<{ url: string; server: ModelServer }> {
  const all = { ...served, tokenizer, name: "tiny" };
  const server = new ModelServer(all, { ...LIMITS, ...limits }, (error) => errors.push(error));
  servers.push(server);
  return { server, url: await server.listen("127.0.0.1", 0) };
}

const { url } = await serve();
afterAll(async () => {
  for (const server of servers) await server.close(1000);
});
afterEach(() => expect(errors.splice(0)).toEqual([]));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function ask(address: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(address, { signal: AbortSignal.timeout(20_000), ...init });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}

const post = (address: string, body: unknown, type = "application/json"): Promise<Answer> =>
  ask(address, {
    method: "POST",
    headers: { "content-type": type },
    body:
      typeof body === "string" || body instanceof Uint8Array
        ? (body as string)
        : JSON.stringify(body),
  });

const TEXT = "Senate passes budget after long debate";

async function direct(text: string): Promise<Verdict> {
  const encoded = encodeText(tokenizer, text, 512);
  const layout = { maxLength: 512, padId: tokenizer.padId };
  const logits = await gpu.settle(logitsOf(gpu, model, collate([encoded.ids], layout)));
  return verdictsOf(logits, ["LABEL_0", "LABEL_1"], [encoded])[0]!;
}

describe("POST /predict", () => {
  it("answers one text with what the model says of it", async () => {
    const { status, body, headers } = await post(`${url}/predict`, { text: TEXT });
    expect(status).toBe(200);
    const want = await direct(TEXT);
    expect(Object.keys(body)).toEqual(Object.keys(want));
    expect(body).toMatchObject({ label: want.label, tokens: want.tokens, truncated: false });
    expect(body["score"]).toBeCloseTo(want.score, 5);
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  it("answers many texts in their order, and says which were cut", async () => {
    const texts = [TEXT, "", "word ".repeat(600), "x"];
    const { status, body } = await post(`${url}/predict`, { texts });
    expect(status).toBe(200);
    const results = body["results"] as Verdict[];
    for (const [i, text] of texts.entries()) {
      const want = await direct(text);
      expect(results[i]).toMatchObject({ label: want.label, tokens: want.tokens });
      expect(results[i]!.score).toBeCloseTo(want.score, 5);
    }
    expect(results.map(({ truncated }) => truncated)).toEqual([false, false, true, false]);
    const warned: Error[] = [];
    const note = (warning: Error): void => void warned.push(warning);
    process.on("warning", note);
    await post(`${url}/predict`, { texts: Array.from({ length: 20 }, () => "x") });
    process.off("warning", note);
    expect(warned).toEqual([]); // of too many listeners
  });

  it.each([
    ["no JSON", "{", 400, "must be JSON in UTF-8"],
    ["bytes that are no text", Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400, "must be JSON in UTF-8"],
    [
      "binary rubbish",
      Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256)),
      400,
      "must be JSON",
    ],
    ["an empty body", "", 400, "must be JSON"],
    ["null", "null", 400, 'must be {"text"'],
    ["a text that is none", { text: 1 }, 400, 'must be {"text"'],
    ["both", { text: "a", texts: ["b"] }, 400, 'must be {"text"'],
    ["no texts", { texts: [] }, 400, 'must be {"text"'],
    ["texts that are none", { texts: ["a", null] }, 400, 'must be {"text"'],
    [
      "too many texts",
      { texts: Array.from({ length: 9 }, () => "a") },
      413,
      "may have 8 texts; got 9",
    ],
    ["JSON nested too deep to be a text", "[".repeat(200_000), 400, "must be JSON"],
  ])("refuses %s", async (_, body, status, message) => {
    const got = await post(`${url}/predict`, body);
    expect(got.status).toBe(status);
    expect(got.body["error"]).toContain(message);
  });

  it("refuses other types of content, which a page of another site could send", async () => {
    const got = await post(`${url}/predict`, { text: "a" }, "text/plain");
    expect([got.status, got.body["error"]]).toEqual([
      415,
      'content-type must be application/json; got "text/plain".',
    ]);
  });

  it("says of a compressed body that it must not be, which RFC 9110 gives 415 for", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const body = gzipSync(JSON.stringify({ text: TEXT })) as unknown as string;
    const refused = await ask(`${url}/predict`, { method: "POST", headers, body });
    expect([refused.status, refused.body["error"]]).toEqual([
      415,
      'a body must not be compressed; got content-encoding "gzip".',
    ]);
    expect(refused.headers.get("accept-encoding")).toBe("identity");
    const plain = { ...headers, "content-encoding": "identity" };
    const text = JSON.stringify({ text: TEXT });
    const taken = await ask(`${url}/predict`, { method: "POST", headers: plain, body: text });
    expect(taken.status).toBe(200);
  });

  it("refuses 10 MB, announced or not, in bounded time and space", async () => {
    const large = Buffer.alloc(10_000_000, 97);
    const start = performance.now();
    expect((await post(`${url}/predict`, large)).status).toBe(413);
    const chunked = await new Promise<number>((resolve, reject) => {
      const sending = httpRequest(
        `${url}/predict`,
        { method: "POST", headers: { "content-type": "application/json" } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      sending.on("error", reject);
      for (let i = 0; i < 10; i++) sending.write(large.subarray(i * 1e6, (i + 1) * 1e6));
      sending.end();
    });
    expect(chunked).toBe(413);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it("answers 1 MB of emoji in bounded time", async () => {
    for (const text of ["😀".repeat(250_000), "😀 ".repeat(200_000)]) {
      const start = performance.now();
      const { status, body } = await post(`${url}/predict`, { text });
      expect(status).toBe(200);
      expect(body["truncated"]).toBe(text.includes(" "));
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });
});

describe("POST /explain", () => {
  it("answers with the verdict and what each word did for it", async () => {
    const { status, body } = await post(`${url}/explain`, { text: TEXT });
    expect(status).toBe(200);
    const want = await direct(TEXT);
    expect(body).toMatchObject({ label: want.label, explained: want.label, complete: true });
    const words = body["words"] as {
      text: string;
      start: number;
      end: number;
      attribution: number;
    }[];
    expect(words.map(({ text }) => text)).toEqual(TEXT.split(" "));
    for (const { text, start, end } of words) expect(TEXT.slice(start, end)).toBe(text);
    const sum = words.reduce((total, { attribution }) => total + attribution, 0);
    const difference = (body["logOdds"] as number) - (body["baseline"] as number);
    expect(Math.abs(sum - difference)).toBeLessThan(Math.abs(difference) / 50 + 1e-2);
  });

  it("takes one text, and not too many at once", async () => {
    expect((await post(`${url}/explain`, { texts: ["a"] })).status).toBe(400);
    const text = "word ".repeat(100);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => post(`${url}/explain`, { text })),
    );
    const statuses = answers.map(({ status }) => status);
    const refused = statuses.filter((status) => status === 429).length;
    // Eight wait at most; one that is answered before the last has come makes room for another.
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(4);
    expect(statuses.filter((status) => status === 200)).toHaveLength(12 - refused);
  });
});

describe("a busy server", () => {
  it("refuses what it has no room for with 429, and loses nothing it took", async () => {
    const small = await serve({ maxWaiting: 4, maxBatch: 1 });
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => post(`${small.url}/predict`, { text: TEXT })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(60 - refused.length);
    expect(refused[0]!.headers.get("retry-after")).toBe("1");
    expect((await post(`${small.url}/predict`, { texts: Array(5).fill("a") })).status).toBe(429);
    expect((await post(`${small.url}/predict`, { text: TEXT })).status).toBe(200);
    const texts = Array.from({ length: 3 }, () => TEXT);
    const many = await Promise.all(
      Array.from({ length: 6 }, () => post(`${small.url}/predict`, { texts })),
    );
    expect(many.map(({ status }) => status)).toContain(429);
    const answered = many.filter(({ status }) => status === 200);
    expect(answered.length).toBeGreaterThan(0);
    for (const { body } of answered) {
      const results = body["results"] as object[];
      expect(results).toHaveLength(texts.length); // all or nothing
      expect(results.every((one) => "label" in one)).toBe(true);
    }
  });

  it("says so when it does not get to a text in time", async () => {
    const hasty = await serve({ answerMs: 1, maxBatch: 1 });
    const { status, body } = await post(`${hasty.url}/explain`, { text: "word ".repeat(500) });
    expect([status, body["error"]]).toEqual([
      503,
      "no answer within 0.001 s: the server is busy or the text is long.",
    ]);
  });
});

describe("routes", () => {
  it.each([
    ["/none", "GET", 404, null],
    ["/__proto__", "GET", 404, null],
    ["/predict", "GET", 405, "POST"],
    ["/explain", "DELETE", 405, "POST"],
    ["/", "POST", 405, "GET, HEAD"],
    ["/metrics", "PUT", 405, "GET, HEAD"],
  ])("%s with %s: %d", async (path, method, status, allow) => {
    const got = await ask(`${url}${path}`, { method });
    expect(got.status).toBe(status);
    expect(got.headers.get("allow")).toBe(allow);
    expect(typeof got.body["error"]).toBe("string");
  });

  it("GET /health tells model, classes and adapter", async () => {
    const { status, body } = await ask(`${url}/health?verbose`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "ready",
      model: "tiny",
      labels: ["LABEL_0", "LABEL_1"],
      adapter: { name: gpu.info.name },
      maxLength: 512,
    });
  });

  it("GET /metrics counts, for Prometheus", async () => {
    const counting = await serve();
    await post(`${counting.url}/predict`, { texts: ["a", "b"] });
    await post(`${counting.url}/predict`, "{");
    const response = await fetch(`${counting.url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    for (const line of [
      'albert_gpu_requests_total{route="/predict",status="200"} 1',
      'albert_gpu_requests_total{route="/predict",status="400"} 1',
      "albert_gpu_texts_total 2",
      "albert_gpu_waiting_texts 0",
      'albert_gpu_request_seconds_count{route="/predict"} 2',
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).toMatch(/^albert_gpu_pool_buffers [1-9]/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
  });

  it("answer HEAD without a body", async () => {
    const response = await fetch(`${url}/health`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(Number(response.headers.get("content-length"))).toBeGreaterThan(50);
  });
});

/** Sends raw bytes, and returns all that comes back until the server hangs up. */
function raw(bytes: string | Buffer, address = url): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = "";
    const socket = connect(Number(new URL(address).port), "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (text: string) => (got += text));
    socket.on("close", () => resolve(got));
    socket.on("error", reject);
    setTimeout(() => reject(new Error(`still open: ${got}`)), 8000).unref();
  });
}

describe("a sender", () => {
  it("that is slow with its body gets 408 in bounded time", async () => {
    const head = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const got = await raw(`${head}content-length: 100\r\n\r\n{"te`);
    expect(got).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(got).toContain('{"error":"the request took too long to arrive."}');
  });

  it("that is slow with its headers gets 408 too, and one that says nothing is hung up on", async () => {
    expect(await raw("POST /predict HTTP/1.1\r\nhost: local")).toMatch(/^HTTP\/1\.1 408 /);
    expect(await raw("")).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("of rubbish gets 400", async () => {
    const rubbish = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 256));
    const got = await raw(rubbish);
    expect(got).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(got).toContain('{"error":"this is not HTTP."}');
  });

  it("of endless headers gets 431", async () => {
    const got = await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(40_000)}\r\n\r\n`);
    expect(got).toMatch(/^HTTP\/1\.1 431 /);
  });

  it("that names another site gets 403: a page that rebinds its name to this machine", async () => {
    for (const [host, status] of [
      ["evil.example", 403],
      ["127.0.0.1.evil.example:8080", 403],
      ["localhost.evil.example", 403],
      ["LOCALHOST:1234", 200],
      ["[::1]:8080", 200],
      ["127.0.0.1", 200],
    ] as const) {
      const got = await raw(`GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect(got, host).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it("that leaves costs no answer", async () => {
    const controller = new AbortController();
    const left = ask(`${url}/explain`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "word ".repeat(400) }),
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 50);
    await expect(left).rejects.toThrow();
    expect((await post(`${url}/explain`, { text: "short" })).status).toBe(200);
  });
});

describe("the end", () => {
  it("finishes what is in flight and takes nothing new", async () => {
    const ending = await serve({ maxBatch: 1 });
    const text = "word ".repeat(200);
    const flying = Array.from({ length: 8 }, () => post(`${ending.url}/predict`, { text }));
    const late = performance.now() + 5000;
    while (ending.server.inFlight < 8 && performance.now() < late) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await ending.server.close(10_000);
    const statuses = (await Promise.all(flying)).map(({ status }) => status);
    expect(statuses).toEqual(Array(8).fill(200));
    await expect(fetch(`${ending.url}/health`)).rejects.toThrow();
  });

  it("does not wait for ever", async () => {
    const ending = await serve({ requestMs: 60_000, headersMs: 60_000 });
    const { port } = new URL(ending.url);
    const head = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write(`${head}content-length: 100\r\n\r\n{`),
    );
    socket.on("error", () => undefined);
    while (ending.server.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const start = performance.now();
    await ending.server.close(200);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("a device that is lost", () => {
  it("turns /health to 503, and answers 503", async () => {
    const { device, info } = await openDevice();
    const lost = new Gpu(device, info);
    const served = await serve({}, { gpu: lost, model: tinyModel(lost, config) });
    expect((await ask(`${served.url}/health`)).status).toBe(200);
    expect((await post(`${served.url}/predict`, { text: TEXT })).status).toBe(200);
    device.destroy();
    await device.lost;
    const health = await ask(`${served.url}/health`);
    expect(health.status).toBe(503);
    expect(health.body).toMatchObject({ status: "failed" });
    expect(health.body["error"]).toContain("the device was lost");
    const { status, body } = await post(`${served.url}/predict`, { text: TEXT });
    expect([status, body["error"]]).toEqual([
      503,
      "the GPU failed. The server must be started again.",
    ]);
    expect(errors.splice(0)).not.toEqual([]);
    lost.close();
  });
});
