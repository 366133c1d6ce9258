// Whether a golden file made again is the committed one. Another CPU adds up in another order, so numbers may differ a little.

import { norm, relativeError, unpacked } from "./distance.ts";

/** Larger than what float32 sums in another order give, smaller than any change of definition. */
const TOLERANCE = 1e-3;
/** A gradient that only rounding keeps from 0 has this size at most, where others are about 1. */
const NOISE = 1e-5;

/** What differs by nature: who made it, how large rounding was, and what AdamW makes of gradients that are only rounding. */
const SKIPPED = /^(madeBy|float32Error)$|key\.bias$/;

/** Paths in two golden files, as parsed, whose values differ by more than rounding. */
export function differences(now: unknown, committed: unknown, path = ""): string[] {
  if (Array.isArray(now) && Array.isArray(committed) && now.every(isNumber)) {
    return committed.every(isNumber) && close(now, committed) ? [] : [path];
  }
  if (isRecord(now) && isRecord(committed)) {
    const keys = [...new Set([...Object.keys(now), ...Object.keys(committed)])];
    return keys.flatMap((key) =>
      SKIPPED.test(key) ? [] : differences(now[key], committed[key], `${path}/${key}`),
    );
  }
  if (isNumber(now) && isNumber(committed)) return close([now], [committed]) ? [] : [path];
  if (now === committed) return [];
  const packed = isPacked(now) && isPacked(committed);
  return packed && close(unpacked(now), unpacked(committed)) ? [] : [path];
}

/** Whether a value is what float32 numbers become in base64; names have dots, dashes or other lengths. */
function isPacked(value: unknown): value is string {
  if (typeof value !== "string" || value === "") return false;
  const bytes = Buffer.from(value, "base64");
  return bytes.length % 4 === 0 && bytes.toString("base64") === value;
}

function close(now: ArrayLike<number>, committed: ArrayLike<number>): boolean {
  if (now.length !== committed.length) return false;
  if (norm(now) < NOISE && norm(committed) < NOISE) return true;
  return relativeError(now, committed) <= TOLERANCE;
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
