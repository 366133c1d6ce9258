// Requests to the hub: the token to its own host only, time limits, retries, and refusals in words.
// The transport is undici, not Node's fetch, which on Node 20 knows neither HTTPS_PROXY nor a limit on a stalled body.

import { setTimeout as pause } from "node:timers/promises";
import type { RequestInit } from "undici";
import { AlbertGpuError } from "../../engine/errors.ts";

/** The hub did not give what was asked for, or was not reached. */
export class HubError extends AlbertGpuError {
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined;
  constructor(message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.status = options.status;
  }
}

export interface ClientOptions {
  /** As in "https://huggingface.co". */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Longest wait for a connection, for headers, and between two pieces of a body. */
  readonly timeoutMs: number;
  /** Tries in all of a request that failed for a reason that may pass. */
  readonly attempts: number;
}

// Time out, too early, too many requests, and a server's or proxy's bad moments.
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;

/** Waits before the next try, longer each time. */
export function backOff(failures: number, askedMs = 0): Promise<void> {
  return pause(Math.min(LONGEST_PAUSE_MS, Math.max(askedMs, FIRST_PAUSE_MS * 2 ** (failures - 1))));
}

export interface Client {
  readonly endpoint: string;
  readonly attempts: number;
  /** As the global fetch, for GET and HEAD; throws HubError for any answer but 2xx and for none. */
  readonly fetch: typeof globalThis.fetch;
  /** Closes its connections. */
  close(): Promise<void>;
}

function originOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url.origin;
  throw new HubError(
    `the hub's address must be a URL, as https://huggingface.co is; got ${JSON.stringify(endpoint)}. Look at HF_ENDPOINT`,
  );
}

/** Opens connections to one hub. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count. Throws HubError for an endpoint that is no URL. */
export async function openClient({
  endpoint,
  token,
  timeoutMs,
  attempts,
}: ClientOptions): Promise<Client> {
  const origin = originOf(endpoint);
  const { EnvHttpProxyAgent, fetch, Headers } = await import("undici"); // a tenth of a second, for downloads alone
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });

  async function request(address: string | URL, init: RequestInit = {}) {
    const url = new URL(address);
    const headers = new Headers(init.headers);
    headers.set("user-agent", "albert-gpu");
    // The hub sends large files from other hosts. fetch leaves this header out when a redirect changes the origin.
    if (token !== undefined && url.origin === origin)
      headers.set("authorization", `Bearer ${token}`);
    for (let failures = 1; ; failures++) {
      let response;
      try {
        response = await fetch(url, { ...init, headers, dispatcher: agent });
      } catch (cause) {
        if (failures < attempts) {
          await backOff(failures);
          continue;
        }
        throw new HubError(`${url.origin} cannot be reached: ${innermost(cause)}`, { cause });
      }
      if (response.ok) return response;
      if (PASSING.has(response.status) && failures < attempts) {
        await response.body?.cancel();
        await backOff(failures, Number(response.headers.get("retry-after") ?? 0) * 1000 || 0);
        continue;
      }
      throw await refusal(response, token !== undefined);
    }
  }
  // Two declarations of one standard: undici's own and the global one of @types/node.
  return {
    endpoint,
    attempts,
    fetch: request as unknown as typeof globalThis.fetch,
    close: () => agent.destroy(),
  };
}

/** fetch says "fetch failed"; the reason is the cause of the cause. */
export function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return innermost(error.cause);
  const { message, code } = error as NodeJS.ErrnoException;
  return message === "" ? (code ?? error.name) : message;
}

interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

async function refusal(response: Answer, hasToken: boolean): Promise<HubError> {
  const { status, headers } = response;
  const code = headers.get("x-error-code") ?? "";
  const said = (headers.get("x-error-message") ?? (await response.text().catch(() => "")))
    .replaceAll(/\s+/g, " ")
    .slice(0, 200);
  const text = (): string => {
    if (code === "RevisionNotFound") return "the hub has the model but not this revision (404)";
    if (code === "GatedRepo") {
      return `the model is gated (${status}): ask for access on its page, then set HF_TOKEN to your token`;
    }
    // Without a token the hub says 401 for names that do not exist, so as not to tell which private ones do.
    if (status === 401 && !hasToken) {
      return "the hub refuses (401): the name is wrong, or the model is private. Look at the name, or set HF_TOKEN to a token that may read it";
    }
    if (status === 401 || status === 403) {
      return `the hub refuses the token in HF_TOKEN (${status}): it must be valid and allowed to read this model`;
    }
    if (status === 404) return "the hub has no such model (404)";
    return `the hub answered ${status}${said === "" ? "" : `: ${said}`}`;
  };
  return new HubError(text(), { status });
}
