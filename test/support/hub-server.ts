// A hub on this machine: speaks the part of the hub's API that downloads need, large files from a second host as the hub
// sends them, and any fault a test asks for.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Repository {
  readonly files: Readonly<Record<string, Buffer>>;
  /** Branches and tags besides main. */
  readonly revisions?: readonly string[];
  /** Only this token may read it. */
  readonly token?: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: "hub" | "cdn";
  readonly token: string | undefined;
  readonly range: string | undefined;
}

const sha1 = (content: Buffer): string => createHash("sha1").update(content).digest("hex");
export const sha256 = (content: Buffer): string =>
  createHash("sha256").update(content).digest("hex");
/** What git calls a file's content. */
export const gitOid = (content: Buffer): string =>
  sha1(Buffer.concat([Buffer.from(`blob ${content.length}\0`), content]));
/** The hub keeps these in LFS. */
export const isLarge = (path: string): boolean => /\.(safetensors|model|bin)$/.test(path);
export const commitOf = (name: string, revision = "main"): string =>
  sha1(Buffer.from(`${name} ${revision}`));

export class HubServer {
  readonly asked: Asked[] = [];
  readonly repositories = new Map<string, Repository>();
  /** Called first for each request; true when it has answered. */
  fault: (asked: Asked, response: ServerResponse, content?: Buffer) => boolean = () => false;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer(request, response));
    this.#cdn = createServer((request, response) => this.#large(request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    await Promise.all(
      [server.#hub, server.#cdn].map(
        (one) => new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve)),
      ),
    );
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  /** Requests for a file's content, in order. */
  downloads(path: string): Asked[] {
    return this.asked.filter((asked) => asked.method === "GET" && asked.path.endsWith(`/${path}`));
  }

  async stop(): Promise<void> {
    for (const one of [this.#hub, this.#cdn]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
  }

  #note(request: IncomingMessage, host: Asked["host"]): Asked {
    const { method = "", url = "", headers } = request;
    const asked: Asked = {
      method,
      path: decodeURIComponent(new URL(url, "http://hub").pathname),
      host,
      token: headers.authorization?.replace("Bearer ", ""),
      range: headers.range,
    };
    this.asked.push(asked);
    return asked;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const asked = this.#note(request, "hub");
    const { path } = asked;
    const json = (status: number, value: unknown, headers = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, code: string): void =>
      json(status, { error: code }, { "x-error-code": code });
    const api = /^\/api\/models\/(.+?)\/(revision|tree)\/(.+)$/.exec(path);
    const file = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const name = api?.[1] ?? file?.[1] ?? "";
    const repository = this.repositories.get(name);
    const content = repository?.files[file?.[3] ?? ""];
    if (this.fault(asked, response, content)) return;
    if (!repository || (repository.token !== undefined && repository.token !== asked.token)) {
      // As the hub: nobody learns without a token which names exist.
      return asked.token === undefined ? refuse(401, "RepoNotFound") : refuse(404, "RepoNotFound");
    }
    const revision = api?.[3] ?? file?.[2] ?? "";
    const known = ["main", ...(repository.revisions ?? [])];
    const commit = known.map((one) => commitOf(name, one)).find((one) => one === revision);
    const sha = commit ?? (known.includes(revision) ? commitOf(name, revision) : undefined);
    if (sha === undefined) return refuse(404, "RevisionNotFound");
    const entries = Object.entries(repository.files);
    if (api?.[2] === "revision") {
      return json(200, {
        _id: "1",
        id: name,
        sha,
        private: false,
        lastModified: "2024-01-01T00:00:00.000Z",
        siblings: entries.map(([rfilename]) => ({ rfilename })),
      });
    }
    if (api?.[2] === "tree") {
      return json(
        200,
        entries.map(([one, bytes]) => ({
          type: "file",
          path: one,
          size: bytes.length,
          oid: gitOid(bytes),
          ...(isLarge(one) && {
            lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 },
          }),
        })),
      );
    }
    if (!file || !content) return refuse(404, "EntryNotFound");
    response.setHeader("x-repo-commit", sha);
    if (!isLarge(file[3]!)) return sendBytes(request, response, content, gitOid(content));
    const cdn = `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`;
    response.writeHead(302, {
      "x-linked-etag": `"${sha256(content)}"`,
      "x-linked-size": content.length,
      location: `${cdn}/${name}/${file[3]}`,
    });
    response.end();
  }

  #large(request: IncomingMessage, response: ServerResponse): void {
    const asked = this.#note(request, "cdn");
    const [, name = "", path = ""] = /^\/(.+)\/([^/]+)$/.exec(asked.path) ?? [];
    const content = this.repositories.get(name)?.files[path];
    if (this.fault(asked, response, content)) return;
    if (content) sendBytes(request, response, content, sha256(content));
    else response.writeHead(404).end();
  }
}

/** A file or, with Range, its end. */
function sendBytes(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  etag: string,
): void {
  response.setHeader("etag", `"${etag}"`);
  const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
  if (start >= content.length && start > 0) {
    response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start);
  response.writeHead(headers.range === undefined ? 200 : 206, {
    "content-length": body.length,
    ...(headers.range !== undefined && {
      "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
    }),
  });
  response.end(method === "HEAD" ? undefined : body);
}
