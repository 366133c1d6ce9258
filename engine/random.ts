// Seeded random numbers on the host: weight initialisation, shuffles and splits. Dropout on the device has its own
// counter-based bits (kernels/shared/random.wgsl) and does not use this.

import { invariant } from "./errors.ts";

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** Murmur3's 32-bit finaliser: every input bit reaches every output bit. Appleby, SMHasher, `fmix32`. */
export function scramble(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Hashes integers, in order, to one in [0, 2^32): derives independent seeds, as in `mix(seed, epoch)`.
 * @param parts safe integers; all 53 bits and the sign count
 */
export function mix(...parts: number[]): number {
  let h = parts.length;
  for (const part of parts) {
    invariant(Number.isSafeInteger(part), () => `mix takes safe integers; got ${part}`);
    h = scramble((h ^ part) + 0x9e3779b9);
    h = scramble((h ^ Math.floor(part / 2 ** 32)) + 0x9e3779b9);
  }
  return h;
}

/**
 * xoshiro128** 1.1 seeded through a Weyl sequence: fast, small, the same numbers on every platform; not for secrets.
 * Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators", https://prng.di.unimi.it.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed any safe integer, negative ones too */
  constructor(seed: number) {
    const start = mix(seed);
    // Four scrambled, different counters: at most one of the words can be 0, and the generator needs only one that is not.
    const word = (i: number) => scramble((start + Math.imul(i, 0x9e3779b9)) >>> 0) | 0;
    this.#a = word(1);
    this.#b = word(2);
    this.#c = word(3);
    this.#d = word(4);
  }

  /** Goes on where `state()` was taken. Four unsigned 32-bit integers, not all 0. */
  static from(state: readonly number[]): Random {
    invariant(
      state.length === 4 && state.every((x) => x >>> 0 === x) && state.some((x) => x !== 0),
      () => `a random state is four unsigned 32-bit integers, not all 0; got [${state.join(", ")}]`,
    );
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const random = new Random(0);
    random.#a = a | 0;
    random.#b = b | 0;
    random.#c = c | 0;
    random.#d = d | 0;
    return random;
  }

  /** The whole state as four unsigned 32-bit integers, for a checkpoint's JSON. */
  state(): number[] {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0];
  }

  /** 32 random bits as an integer in [0, 2^32). */
  bits(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result >>> 0;
  }

  /** A number in [0, 1) with all 53 bits random. */
  uniform(): number {
    const high = this.bits() >>> 5;
    const low = this.bits() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An integer in [0, n), each as likely as the others. @param n in [1, 2^32] */
  int(n: number): number {
    invariant(
      Number.isInteger(n) && n >= 1 && n <= 2 ** 32,
      () => `int(n): n in [1, 2^32]; got ${n}`,
    );
    // A bare remainder would favour small results: draw again in the incomplete last interval.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let x = this.bits();
    while (x >= limit) x = this.bits();
    return x % n;
  }

  /** A normal number with mean 0 and deviation 1. Box and Muller 1958; the second one of a pair is not kept, so that the state stays four words. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place and returns the same array: every order is as likely. Fisher and Yates; Durstenfeld 1964. */
  shuffle<A extends { readonly length: number; [index: number]: unknown }>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }
}
