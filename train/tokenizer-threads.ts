// Worker threads that tokenise beside the calling thread.

import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { AlbertGpuError } from "../engine/errors.ts";
import type { TokenizerSource } from "../model/tokenizer.ts";
import type { EncodedBlock } from "./encoded-block.ts";

// One block is encoded while the next already waits; more would only hold more texts.
const BLOCKS_PER_THREAD = 2;
// Each holds a tokeniser and its cache, some 80 MB.
const MOST_THREADS = 7;

/**
 * Threads worth starting beside the calling one. One is kept free: each thread learns its words anew, and on two cores a
 * second thread cost as much as it gained, more where others were busy too.
 */
export function spareThreads(): number {
  return Math.max(0, Math.min(availableParallelism() - 2, MOST_THREADS));
}

type Done = (block: EncodedBlock) => void;

/** Some threads with the same tokeniser. They take blocks once they have loaded it, each a few at a time. */
export class TokenizerThreads {
  readonly #threads: { readonly worker: Worker; ready: boolean; readonly waiting: Done[] }[] = [];
  #failure: AlbertGpuError | undefined;
  #changed: (() => void) | undefined;

  /** Starts the threads. The caller closes them. */
  constructor(source: TokenizerSource, maxLength: number, count: number) {
    for (let i = 0; i < count; i++) {
      const worker = new Worker(...script({ source, maxLength }));
      const thread = { worker, ready: false, waiting: [] as Done[] };
      this.#threads.push(thread);
      worker.on("message", (message: EncodedBlock | "ready") => {
        if (message === "ready") thread.ready = true;
        else thread.waiting.shift()?.(message);
        this.#changed?.();
      });
      worker.on("error", (cause) => this.#fail(cause.message, cause));
      worker.on("exit", (code) => this.#fail(`it ended with ${code}`));
    }
  }

  /**
   * Hands a block to a thread that has room; `done` gets its ids, blocks of one thread in order. Returns false when no
   * thread has room now. Throws AlbertGpuError after a thread failed.
   */
  take(texts: readonly string[], done: Done): boolean {
    this.#check();
    const ready = this.#threads.filter(({ ready }) => ready);
    const [free] = ready.toSorted((a, b) => a.waiting.length - b.waiting.length);
    if (!free || free.waiting.length >= BLOCKS_PER_THREAD) return false;
    free.waiting.push(done);
    free.worker.postMessage(texts, []); // strings can only be copied
    return true;
  }

  /** Waits for every block that was taken. Throws AlbertGpuError when a thread failed. */
  async drain(): Promise<void> {
    this.#check();
    while (this.#threads.some(({ waiting }) => waiting.length > 0)) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
      this.#check();
    }
  }

  /** Ends the threads, whatever they are at. */
  async close(): Promise<void> {
    for (const { worker } of this.#threads) worker.removeAllListeners();
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #fail(problem: string, cause?: Error): void {
    this.#failure ??= new AlbertGpuError(`tokenise: a worker thread failed; ${problem}`, { cause });
    this.#changed?.();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}

/** The worker's file: compiled like this one, or a source, which Node 20 reads with tsx alone. */
function script(workerData: unknown): [file: URL | string, options: WorkerOptions] {
  const extension = extname(import.meta.url);
  const file = new URL(`./tokenizer-worker${extension}`, import.meta.url);
  if (extension !== ".ts") return [file, { workerData }];
  const tsx = import.meta.resolve("tsx/esm/api");
  const code = `import("${tsx}").then(({ register }) => (register(), import("${file.href}")))`;
  return [code, { workerData, eval: true, execArgv: [] }];
}
