// Weights and vocabularies are often fetched by git without git-lfs, which leaves a three-line text in their place.
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer's first line is its version.

import { FileError } from "../engine/errors.ts";

const FIRST_LINE = Buffer.from("version https://git-lfs.github.com/spec/");

/** Throws FileError if `head`, the first bytes (64 are enough) of the file at `path`, begins a git-LFS pointer. */
export function refuseLfsPointer(head: Uint8Array, path: string): void {
  if (FIRST_LINE.equals(head.subarray(0, FIRST_LINE.length))) {
    throw new FileError(
      path,
      "must be the file itself; got a git-LFS pointer to it. Run `git lfs pull` in that folder.",
    );
  }
}
