// The server's routes: what each takes, limits and answers.

import { setMaxListeners } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate, setTimeout as pause } from "node:timers/promises";
import type { Gpu } from "../../engine/index.ts";
import {
  type AlbertForSequenceClassification,
  labelNames,
  type Tokenizer,
} from "../../model/index.ts";
import { PredictionQueue, QueueFullError, type Verdict } from "../../train/index.ts";
import { adapterFacts } from "../device.ts";
import { Explainer } from "./explainer.ts";
import { HttpError, makeServer, readJsonBody, send, sendJson, type TimeLimits } from "./http.ts";
import { isLoopback } from "./loopback.ts";
import { Metrics } from "./metrics.ts";
import { readPage } from "./page.ts";
import { textsOf } from "./request-texts.ts";

export interface ServedModel {
  readonly gpu: Gpu;
  readonly model: AlbertForSequenceClassification;
  readonly tokenizer: Tokenizer;
  /** What /health calls it. */
  readonly name: string;
}

export interface ServerLimits extends TimeLimits {
  /** In tokens; the end of a longer text is left out. */
  readonly maxLength: number;
  /** Texts on the device at once. */
  readonly maxBatch: number;
  /** Texts that may wait; then 429. */
  readonly maxWaiting: number;
  /** Texts in one request. */
  readonly maxTexts: number;
  /** Of a body. */
  readonly maxBytes: number;
  /** From a request's body to its answer, in ms; then 503. */
  readonly answerMs: number;
}

interface Route {
  readonly methods: readonly string[];
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
}

/** Answers requests about one model until `close`. Borrows the device and the model. */
export class ModelServer {
  readonly metrics: Metrics;
  readonly #served: ServedModel;
  readonly #limits: ServerLimits;
  readonly #queue: PredictionQueue;
  readonly #explainer: Explainer;
  readonly #server: Server;
  readonly #onError: (error: unknown) => void;
  readonly #routes: Readonly<Record<string, Route>>;
  #draining = false;
  /** Texts of requests that were let in, and are not with the queue yet: their room is taken. */
  #promised = 0;
  /** Whether only this machine can reach it. */
  loopbackOnly = true;
  readonly #inFlight = new Set<ServerResponse>();

  /** `onError` gets what was answered with 500: a bug, or a device that failed. */
  constructor(served: ServedModel, limits: ServerLimits, onError: (error: unknown) => void) {
    const { gpu, model, tokenizer } = served;
    this.#served = served;
    this.#limits = limits;
    this.#onError = onError;
    this.metrics = new Metrics(gpu, () => this.#queue.waiting);
    this.#queue = new PredictionQueue(gpu, model, tokenizer, {
      maxLength: limits.maxLength,
      maxBatch: limits.maxBatch,
      maxWaiting: limits.maxWaiting,
      onBatch: ({ B, seconds }) => {
        this.metrics.batchTexts.observe(B);
        this.metrics.batchSeconds.observe(seconds);
        this.metrics.texts.inc(B);
      },
    });
    this.#explainer = new Explainer(gpu, model, tokenizer, limits.maxLength);
    this.#server = makeServer(limits, (request, response) => void this.#respond(request, response));
    const { html, policy } = readPage();
    const read = ["GET", "HEAD"];
    this.#routes = {
      "/": {
        methods: read,
        answer: (_, response) =>
          send(response, 200, html, {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
          }),
      },
      "/health": { methods: read, answer: (_, response) => this.#health(response) },
      "/metrics": {
        methods: read,
        answer: async (_, response) => {
          const { registry } = this.metrics;
          send(response, 200, await registry.metrics(), { "content-type": registry.contentType });
        },
      },
      "/predict": { methods: ["POST"], answer: (...both) => this.#predict(...both) },
      "/explain": { methods: ["POST"], answer: (...both) => this.#explain(...both) },
    };
  }

  /** Compiles what a first text needs, so that the first to ask does not wait for it. */
  async warmUp(): Promise<void> {
    await this.#queue.predict("");
  }

  /** Starts to listen; port 0 takes any free one. Returns the address as a URL. Rejects when the port is taken. */
  async listen(host: string, port: number): Promise<string> {
    this.loopbackOnly = isLoopback(host);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    const { address, family, port: chosen } = this.#server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${chosen}`;
  }

  /** Requests that are being answered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Takes no more requests, finishes those it has, for `graceMs` at most, and cuts off the rest. */
  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const response of this.#inFlight) {
      if (!response.headersSent) response.setHeader("connection", "close"); // or its client keeps it open
    }
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const end = new AbortController();
    await Promise.race([closed, pause(graceMs, undefined, { signal: end.signal })]);
    end.abort();
    this.#server.closeAllConnections(); // aborts what waits for them
    await closed;
    await this.#queue.close();
    await this.#explainer.idle();
    this.metrics.registry.clear();
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = (request.url ?? "").split("?");
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    const name = route ? path : "other";
    const stop = this.metrics.seconds.startTimer({ route: name });
    this.#inFlight.add(response);
    response.on("error", () => undefined);
    response.once("close", () => {
      this.#inFlight.delete(response);
      stop();
      const status = response.writableFinished ? response.statusCode : "aborted";
      this.metrics.requests.inc({ route: name, status });
    });
    if (this.#draining) response.setHeader("connection", "close");
    try {
      this.#check(request);
      if (!route) throw new HttpError(404, `there is ${Object.keys(this.#routes).join(", ")}.`);
      if (!route.methods.includes(request.method ?? "")) {
        const allow = route.methods.join(", ");
        throw new HttpError(405, `${path} takes ${allow}.`, { allow });
      }
      await route.answer(request, response);
    } catch (error) {
      if (!response.headersSent && !response.destroyed) this.#refuse(response, error);
    }
  }

  /** A page of another site can name this machine (DNS rebinding); its requests then carry that site's name. */
  #check({ headers: { host = "" } }: IncomingMessage): void {
    const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    if (!this.loopbackOnly || isLoopback(name.toLowerCase())) return;
    throw new HttpError(403, "this server answers requests to this machine alone.");
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const known = this.#asHttp(error);
    if (known.status === 500) this.#onError(error);
    // What was not read of the request would be taken for the next one.
    if (!response.req.complete) response.setHeader("connection", "close");
    sendJson(response, known.status, { error: known.message }, known.headers);
  }

  #asHttp(error: unknown): HttpError {
    if (error instanceof HttpError) return error;
    if (error instanceof QueueFullError) {
      return new HttpError(429, "too many texts are waiting. Try again.", { "retry-after": "1" });
    }
    if (this.#failure() !== undefined) {
      this.#onError(error);
      return new HttpError(503, "the GPU failed. The server must be started again.");
    }
    return new HttpError(500, "something failed here; the server's output says what.");
  }

  /** What is wrong with the device for good. */
  #failure(): string | undefined {
    try {
      this.#served.gpu.check();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #health(response: ServerResponse): void {
    const { gpu, model, name } = this.#served;
    const failure = this.#failure();
    const status = failure !== undefined ? "failed" : this.#draining ? "draining" : "ready";
    sendJson(response, status === "ready" ? 200 : 503, {
      status,
      ...(failure !== undefined && { error: failure }),
      model: name,
      labels: labelNames(model.config),
      adapter: adapterFacts(gpu),
      maxLength: this.#limits.maxLength,
      waiting: this.#queue.waiting,
    });
  }

  async #predict(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await this.#body(request);
    const { texts, many } = textsOf(body, this.#limits.maxTexts);
    const room = this.#queue.maxWaiting - this.#queue.waiting - this.#promised;
    if (texts.length > room) throw new QueueFullError(`there is room for ${room} texts.`);
    this.#promised += texts.length;
    await this.#within(response, async (signal) => {
      const asked: Promise<Verdict>[] = [];
      for (const text of texts) {
        this.#promised--;
        const verdict = this.#queue.predict(text, signal);
        verdict.catch(() => undefined); // looked at below
        asked.push(verdict);
        await setImmediate(); // a long text takes a tenth of a second to tokenise: others get their turn
      }
      if (!many) return sendJson(response, 200, await asked[0]!);
      const settled = await Promise.allSettled(asked);
      signal.throwIfAborted();
      const failed = settled.filter((one) => one.status === "rejected");
      if (failed.length === settled.length) throw failed[0]!.reason;
      const results = settled.map((one) => {
        if (one.status === "fulfilled") return one.value;
        const known = this.#asHttp(one.reason);
        if (known.status === 500) this.#onError(one.reason);
        return { error: known.message };
      });
      sendJson(response, 200, { results });
    });
  }

  async #explain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await this.#body(request);
    const { texts, many } = textsOf(body, 1);
    if (many) throw new HttpError(400, '/explain takes one text, as {"text": "..."}.');
    await this.#within(response, async (signal) =>
      sendJson(response, 200, await this.#explainer.explain(texts[0]!, signal)),
    );
  }

  #body(request: IncomingMessage): Promise<unknown> {
    if (this.#draining) {
      throw new HttpError(503, "the server is stopping.", { "retry-after": "5" });
    }
    return readJsonBody(request, this.#limits.maxBytes);
  }

  /** Runs `work` with a signal that aborts when it takes too long or nobody waits for it any more. */
  async #within(
    response: ServerResponse,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const seconds = this.#limits.answerMs / 1000;
    const controller = new AbortController();
    setMaxListeners(0, controller.signal); // one for each text of the request
    const late = (): void => {
      const problem = `no answer within ${seconds} s: the server is busy or the text is long.`;
      controller.abort(new HttpError(503, problem, { "retry-after": "5" }));
    };
    const gone = (): void => controller.abort(new HttpError(503, "the client left."));
    const timer = setTimeout(late, this.#limits.answerMs);
    response.once("close", gone);
    try {
      await work(controller.signal);
    } finally {
      clearTimeout(timer);
      response.off("close", gone);
    }
  }
}
