// Weights, ids and labels that test/parity/hashed.py makes bit for bit alike, so that golden files need not hold them.

import type { AlbertConfig, TokenBatch } from "../../model/index.ts";

/** Murmur3's 32-bit finaliser. Appleby, SMHasher, `fmix32`. */
function scramble(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Where the stream of a name begins: FNV-1a of its ASCII letters, mixed with the seed. */
function start(seed: number, name: string): number {
  let h = 0x811c9dc5;
  for (const letter of name) h = Math.imul(h ^ letter.codePointAt(0)!, 0x01000193);
  return scramble(h ^ scramble(seed + 0x9e3779b9));
}

/** A function from a counter to an integer in [0, 2^32), different for each seed and name. */
export function hashedIntegers(seed: number, name: string): (i: number) => number {
  const from = start(seed, name);
  return (i) => scramble(scramble(from + Math.imul(i, 0x9e3779b9)) ^ from) >>> 0;
}

/** A function from a counter to a number in [-1/2, 1/2): a multiple of 2^-24, which float32 holds exactly. */
export function hashedUniform(seed: number, name: string): (i: number) => number {
  const bits = hashedIntegers(seed, name);
  return (i) => (bits(i) >>> 8) / 2 ** 24 - 0.5;
}

/** Standard deviation of hashedUniform is 1 / sqrt(12). */
export const UNIT = Math.sqrt(12);

/**
 * The values of one parameter: weights with standard deviation `std`, biases with a tenth of 1, LayerNorm weights around 1;
 * none of them 0, so that each one matters. The row of the padding token is not 0 either.
 */
export function hashedValues(
  name: string,
  count: number,
  { seed, std }: { seed: number; std: number },
): Float32Array {
  const u = hashedUniform(seed, name);
  if (/(LayerNorm|layer_norm)\.weight$/.test(name)) {
    return Float32Array.from({ length: count }, (_, i) => 1 + 0.5 * u(i));
  }
  const scale = UNIT * (name.endsWith(".bias") ? 0.1 : std);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = scale * u(i);
  return values;
}

/** B texts of the given lengths, padded to T, with a class each. Ids may be the padding id within a text. */
export function hashedBatch(
  { vocab_size: V, num_labels: K, pad_token_id }: AlbertConfig,
  { seed, T, lengths }: { seed: number; T: number; lengths: readonly number[] },
): TokenBatch & { labels: Uint32Array } {
  const B = lengths.length;
  const id = hashedIntegers(seed, "ids");
  const label = hashedIntegers(seed, "labels");
  const ids = new Uint32Array(B * T).fill(pad_token_id);
  lengths.forEach((length, b) => {
    for (let t = 0; t < length; t++) ids[b * T + t] = id(b * T + t) % V;
  });
  const labels = Uint32Array.from({ length: B }, (_, b) => label(b) % K);
  const first = Uint32Array.from({ length: B }, (_, b) => b * T);
  return { B, ids, first, lengths: Uint32Array.from(lengths), labels };
}
