// Models of the Hugging Face hub, by id. The hub's own library speaks its API and knows where the cache is; what its
// download leaves out (going on after a break, checksums, fetching only what is used) is in this folder.

import { loadConfig } from "../config.ts";
import { isCommit, ModelCache } from "./cache.ts";
import { type Client, HubError, openClient } from "./client.ts";
import { type RemoteFile, transfer } from "./transfer.ts";

/** How far a download is. */
export interface DownloadProgress {
  /** What is being fetched. */
  readonly file: string;
  /** Bytes of all files so far. */
  readonly done: number;
  /** Bytes of all files. */
  readonly total: number;
}

/** What to fetch, from where and to where. */
export interface DownloadOptions {
  /** "tokenizer" leaves out the weights. */
  readonly files?: "model" | "tokenizer" | undefined;
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Default: HF_TOKEN. Sent to the endpoint's host only. */
  readonly token?: string | undefined;
  /** Default: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
  readonly cache?: string | undefined;
  /** Never asks the hub. Default: HF_HUB_OFFLINE. */
  readonly offline?: boolean | undefined;
  /** Longest wait for a sign of life, in ms. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Tries in all of what failed for a reason that may pass. Default 5. */
  readonly attempts?: number | undefined;
  /** Called as bytes come. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Called when the hub cannot be reached and the cached model is used instead. */
  readonly onUnreachable?: ((error: HubError) => void) | undefined;
}

// In this order: the weights last, so that a snapshot that has them has the rest, and the configuration first, so that a
// model of another kind is refused before hundreds of megabytes have come.
const FILES = [
  { path: "config.json", needed: true, tokenizer: false },
  { path: "tokenizer_config.json", needed: false, tokenizer: true },
  { path: "special_tokens_map.json", needed: false, tokenizer: true },
  { path: "tokenizer.json", needed: false, tokenizer: true },
  { path: "spiece.model", needed: true, tokenizer: true },
  { path: "model.safetensors", needed: true, tokenizer: false },
] as const;

// https://github.com/huggingface/huggingface_hub/blob/v1.0.0/src/huggingface_hub/utils/_validators.py
const NAME = /^(?=.{1,96}$)(?:\w(?:[\w.-]*\w)?\/)?\w(?:[\w.-]*\w)?$/;
// git-check-ref-format, less what no branch of a model has.
const REVISION = /^(?!.*(?:\.\.|\/\/|\.lock(?:$|\/)))[\w](?:[\w./+-]*[\w+-])?$/;

/** Whether a text may name a model of the hub: `name` or `owner/name`, and `@revision` (branch, tag or commit) behind it. */
export function isHubId(text: string): boolean {
  const { name, revision } = parts(text);
  return NAME.test(name) && !/--|\.\./.test(name) && REVISION.test(revision);
}

function parts(text: string): { name: string; revision: string } {
  const at = text.indexOf("@");
  return at < 0
    ? { name: text, revision: "main" }
    : { name: text.slice(0, at), revision: text.slice(at + 1) };
}

/**
 * The folder of a model of the hub in the cache that Python's huggingface_hub uses too; what is missing there is downloaded
 * and checked first. Only the files that this package or transformers reads are fetched.
 * @param id `owner/name` or `owner/name@revision`
 * Throws HubError when the hub refuses, cannot be reached, or has not what is needed; ConfigError for a model that is no
 * ALBERT. No half file is left under its final name; a file that broke off is gone on with next time.
 */
export async function downloadModel(id: string, options: DownloadOptions = {}): Promise<string> {
  if (!isHubId(id)) {
    throw new HubError(`${id}: must be a hub id, as in albert/albert-base-v2 or name@revision.`);
  }
  try {
    return await fetchModel(id, options);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    const { status } = error;
    throw new HubError(`${id}: ${error.message}.`, { cause: error, ...(status && { status }) });
  }
}

async function fetchModel(id: string, options: DownloadOptions): Promise<string> {
  const { env } = process;
  const { getHFHubCachePath } = await import("@huggingface/hub"); // here, so that other commands start faster
  const { name, revision } = parts(id);
  const cache = new ModelCache(options.cache ?? getHFHubCachePath(), name);
  const wanted = FILES.filter(({ tokenizer }) => tokenizer || options.files !== "tokenizer");
  const cached = async (): Promise<{ folder?: string; missing: string[] }> => {
    const commit = await cache.commitOf(revision);
    if (commit === undefined) return { missing: wanted.map(({ path }) => path) };
    const missing: string[] = [];
    for (const { path, needed } of wanted) {
      if (needed && !(await cache.has(commit, path))) missing.push(path);
    }
    return missing.length > 0 ? { missing } : { folder: cache.snapshot(commit), missing };
  };
  if (options.offline ?? /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? "")) {
    const { folder, missing } = await cached();
    if (folder !== undefined) return folder;
    throw new HubError(
      `HF_HUB_OFFLINE is set, and ${cache.folder} lacks ${missing.join(", ")}. Run once without HF_HUB_OFFLINE`,
    );
  }
  if (isCommit(revision)) {
    const { folder } = await cached(); // a commit never changes
    if (folder !== undefined) return folder;
  }
  const client = await openClient({
    endpoint: (options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")).replace(
      /\/+$/,
      "",
    ),
    token: options.token ?? (env.HF_TOKEN?.trim() || undefined),
    timeoutMs: options.timeoutMs ?? 30_000,
    attempts: options.attempts ?? 5,
  });
  try {
    return await refresh(client, cache, { name, revision, wanted, onProgress: options.onProgress });
  } catch (error) {
    if (!(error instanceof HubError) || error.status !== undefined) throw error;
    const { folder } = await cached();
    if (folder === undefined) throw error;
    options.onUnreachable?.(error);
    return folder;
  } finally {
    await client.close();
  }
}

interface Wanted {
  readonly name: string;
  readonly revision: string;
  readonly wanted: readonly (typeof FILES)[number][];
  readonly onProgress: DownloadOptions["onProgress"];
}

/** Brings the cache up to what the revision is now. */
async function refresh(client: Client, cache: ModelCache, wish: Wanted): Promise<string> {
  const { name, revision, onProgress } = wish;
  const { listFiles, modelInfo } = await import("@huggingface/hub");
  const hub = { hubUrl: client.endpoint, fetch: client.fetch };
  const { sha: commit } = await modelInfo({ ...hub, name, revision, additionalFields: ["sha"] });
  if (!isCommit(commit)) throw new HubError(`the hub must name a commit; got "${commit}"`);
  const listed = new Map<string, RemoteFile>();
  for await (const { type, path, size, oid, lfs } of listFiles({
    ...hub,
    repo: name,
    revision: commit,
  })) {
    if (type === "file")
      listed.set(path, { path, size: lfs?.size ?? size, etag: lfs?.oid ?? oid ?? "" });
  }
  for (const { path, needed } of wish.wanted) {
    if (needed && !listed.has(path)) throw new HubError(lacking(path, listed, name));
  }
  const files: RemoteFile[] = [];
  for (const { path } of wish.wanted) {
    const file = listed.get(path);
    if (!file || (await cache.has(commit, path))) continue;
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(file.etag)) {
      throw new HubError(`the hub must give a checksum of ${path}; got "${file.etag}"`);
    }
    files.push(file);
  }
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const file of files) {
    const url = `${client.endpoint}/${name}/resolve/${commit}/${file.path}`;
    await fetchBlob(client, cache, url, file, (have) =>
      onProgress?.({ file: file.path, done: before + have, total }),
    );
    await cache.link(commit, file.path, file.etag);
    before += file.size;
    if (file.path === "config.json") await loadConfig(cache.snapshot(commit)); // throws for other models
  }
  await cache.setCommit(revision, commit);
  return cache.snapshot(commit);
}

async function fetchBlob(
  client: Client,
  cache: ModelCache,
  url: string,
  file: RemoteFile,
  onBytes: (have: number) => void,
): Promise<void> {
  if (await cache.hasBlob(file.etag)) return onBytes(file.size);
  const partial = await cache.claimPartial(file.etag);
  try {
    await transfer(client, url, file, partial, onBytes);
    await cache.finishPartial(partial, file.etag);
  } catch (error) {
    await cache.leavePartial(partial, file.etag);
    throw error;
  }
}

/** What to do about a repository that has not what is needed. */
function lacking(path: string, listed: ReadonlyMap<string, unknown>, name: string): string {
  const has = (other: string): boolean => listed.has(other);
  const save = `python -c "from transformers import AutoModelForSequenceClassification as A; A.from_pretrained('${name}').save_pretrained('DIR', max_shard_size='100GB')"
  hf download ${name} spiece.model --local-dir DIR
Then give --model DIR`;
  if (path === "model.safetensors") {
    if (has("model.safetensors.index.json")) {
      return `the weights are in several files; one model.safetensors is needed. Make it with Python:\n  ${save}`;
    }
    const other = [
      "pytorch_model.bin",
      "pytorch_model.bin.index.json",
      "tf_model.h5",
      "flax_model.msgpack",
    ].find(has);
    if (other !== undefined) {
      return `the weights are in ${other}; model.safetensors is needed. Convert them with Python:\n  ${save}`;
    }
  }
  if (path === "spiece.model") {
    return `the repository has no spiece.model${has("tokenizer.json") ? ", only tokenizer.json" : ""}: an ALBERT tokeniser is a SentencePiece model. If this is an ALBERT, copy spiece.model from the model it began with into a folder with its other files, and give that as --model`;
  }
  return `the repository has no ${path}; a model needs config.json, model.safetensors and spiece.model`;
}
