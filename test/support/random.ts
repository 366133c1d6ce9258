// Seeded inputs. All values are f32, so that the device and the f64 reference start from the same numbers.

import { Random } from "../../engine/random.ts";

/** n normal numbers of deviation `scale`. */
export function normals(seed: number, n: number, scale = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.normal() * scale);
}

/** n integers in [0, below). */
export function integers(seed: number, n: number, below: number): Uint32Array {
  const random = new Random(seed);
  return Uint32Array.from({ length: n }, () => random.int(below));
}
