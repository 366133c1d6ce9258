// y = x kept / (1 - p), kept 0 or 1: Srivastava et al. 2014, JMLR 15, in the inverted form. Backward: dx = dy kept / (1 - p).
// The bits are kernels/shared/random.wgsl's, in integers: two rounds of C. Wellons' "lowbias32" (hash-prospector, 2018)
// over the element's number and a key of two words. An element is dropped when its bits are below p 2^32.

function mixBits(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 32 random bits that depend on the key and the counter only. */
export function randomBits(key0: number, key1: number, counter: number): number {
  return mixBits((mixBits(counter ^ key0) + key1) >>> 0);
}

export interface Key {
  readonly key0: number;
  readonly key1: number;
}

/** 0 where element `counter` is dropped, else 1 / (1 - p). */
export function keepFactor(p: number, { key0, key1 }: Key, counter: number): number {
  return randomBits(key0, key1, counter) < p * 2 ** 32 ? 0 : 1 / (1 - p);
}

/** The factors of n elements. */
export function dropoutMask(n: number, p: number, key: Key): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => keepFactor(p, key, i));
}

/** `mask` holds 0 or 1 / (1 - p). Its own backward. */
export function dropout(x: Float64Array, mask: Float64Array): Float64Array {
  return x.map((value, i) => value * mask[i]!);
}
