// Writes CSV files as RFC 4180 asks, aside and renamed at the end, so that a failure leaves no half of a file.

import { rmSync } from "node:fs";
import { type FileHandle, open, realpath, rename, rm } from "node:fs/promises";
import Papa from "papaparse";

const FLUSH_CHARS = 1 << 16;

/** One CSV file that is being written. */
export class CsvWriter {
  readonly path: string;
  readonly #partial: string;
  readonly #handle: FileHandle;
  #pending: string;

  private constructor(path: string, partial: string, handle: FileHandle, header: string) {
    this.path = path;
    this.#partial = partial;
    this.#handle = handle;
    this.#pending = header;
  }

  /**
   * Opens NAME.partial, beside the file that NAME leads to where it is a link, and puts the column names into it.
   * Throws what the file system throws.
   */
  static async open(name: string, columns: readonly string[]): Promise<CsvWriter> {
    const path = await realpath(name).catch(() => name);
    const partial = `${path}.partial`;
    return new CsvWriter(path, partial, await open(partial, "w"), toCsv(columns));
  }

  /** Adds a record. */
  async write(cells: readonly string[]): Promise<void> {
    this.#pending += toCsv(cells);
    if (this.#pending.length > FLUSH_CHARS) await this.#flush();
  }

  /** Puts everything on the disk; `publish` gives it its name. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#handle.sync();
    await this.#handle.close();
  }

  async publish(): Promise<void> {
    await rename(this.#partial, this.path);
  }

  /** Deletes what was written, unless it was published. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined); // closed already
    await rm(this.#partial, { force: true });
  }

  /** The same for a process that ends at once. */
  discardNow(): void {
    rmSync(this.#partial, { force: true });
  }

  async #flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    await this.#handle.appendFile(text);
  }
}

/** One record with its CRLF. */
function toCsv(cells: readonly string[]): string {
  // A single empty cell would be a blank line, which readers skip.
  return `${Papa.unparse([cells as string[]]) || '""'}\r\n`;
}
