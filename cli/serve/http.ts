// HTTP for a few JSON routes: bodies of bounded size, errors as {"error": "..."}, answers that do not wait for slow senders.
// Node's own server has the time limits and the orderly end; a framework (fastify: 48 packages, 15 MB) would still leave us the
// answers that matter here: 413 that arrives, 405, 408 as JSON, 429, 503.

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";

/** An answer that is not the one asked for. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  constructor(status: number, message: string, headers: OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

// For every answer: nothing here is to be framed, sniffed or kept.
const HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
} as const;

/** Sends an answer. HEAD gets the headers alone. */
export function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: OutgoingHttpHeaders,
): void {
  response.writeHead(status, { ...HEADERS, "content-length": Buffer.byteLength(body), ...headers });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  const type = { "content-type": "application/json; charset=utf-8" };
  send(response, status, `${JSON.stringify(value)}\n`, { ...type, ...headers });
}

// What is sent in excess is read and thrown away up to here, so that the sender, who reads nothing before it has sent
// everything, gets the answer; a longer body is cut off.
const MOST_DISCARDED = 64 << 20;

/** The body as JSON. Throws HttpError 415, 413 or 400; rejects when the connection ends. */
export async function readJsonBody(request: IncomingMessage, mostBytes: number): Promise<unknown> {
  const type = request.headers["content-type"] ?? "";
  const isJson = /^application\/json\s*(?:;|$)/i.test(type);
  const encoding = request.headers["content-encoding"] ?? "identity";
  const isPlain = /^identity$/i.test(encoding);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_DISCARDED) break;
    if (isJson && isPlain && size <= mostBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (!isJson) {
    throw new HttpError(415, `content-type must be application/json; got "${type.slice(0, 100)}".`);
  }
  if (!isPlain) {
    throw new HttpError(
      415,
      `a body must not be compressed; got content-encoding "${encoding.slice(0, 100)}".`,
      { "accept-encoding": "identity" },
    );
  }
  if (size > mostBytes) {
    throw new HttpError(413, `a body may have ${mostBytes} bytes; got more.`, {
      connection: "close",
    });
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (error) {
    throw new HttpError(400, `the body must be JSON in UTF-8: ${(error as Error).message}.`);
  }
}

/** How long the parts of a request may take, in ms. */
export interface TimeLimits {
  readonly headersMs: number;
  /** Headers and body. */
  readonly requestMs: number;
}

/** A server that gives up on slow and broken senders with an answer in JSON. */
export function makeServer(
  { headersMs, requestMs }: TimeLimits,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.min(1000, requestMs / 4),
      keepAliveTimeout: 5000,
      maxHeaderSize: 16_384,
    },
    listener,
  );
  server.maxConnections = 1024;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const [status, message] = STATUS_OF[error.code ?? ""] ?? [400, "this is not HTTP."];
    const body = `${JSON.stringify({ error: message })}\n`;
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8`;
    socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    setTimeout(() => socket.destroy(), 1000).unref(); // whoever keeps sending
  });
  return server;
}

const STATUS_OF: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request took too long to arrive."],
  HPE_HEADER_OVERFLOW: [431, "the headers are too long."],
};
