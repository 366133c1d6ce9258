import { createHash } from "node:crypto";
import type { Example } from "./dataset.ts";
import type { LabelledSet } from "./evaluate.ts";

/** A hash of a set's token ids, lengths and labels: equal for the same texts, tokeniser and maximum length. */
export function fingerprint({ tokens, labels }: LabelledSet): string {
  const hash = createHash("sha256");
  hash.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  for (let i = 0; i < tokens.count; i++) {
    const ids = tokens.ids(i);
    hash.update(Uint32Array.of(ids.length));
    hash.update(ids);
  }
  return hash.digest("hex");
}

/** A hash of a set's texts and classes, whatever reads them. */
export function textFingerprint(examples: readonly Example[]): string {
  const hash = createHash("sha256");
  for (const { text, label } of examples) {
    hash.update(`${label} ${Buffer.byteLength(text)}\n`);
    hash.update(text);
  }
  return hash.digest("hex");
}
