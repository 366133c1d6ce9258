// What a row of repeated times says.

import { quantile as ofSorted } from "../train/quantile.ts";

/** The value below which `share` of the values lie, interpolated between neighbours. Throws RangeError for none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0)
    throw new RangeError("quantile: at least one value is needed; got none.");
  const sorted = values.toSorted((a, b) => a - b);
  return ofSorted(sorted, share);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Distance between the quartiles. */
export const iqr = (values: readonly number[]): number =>
  quantile(values, 0.75) - quantile(values, 0.25);
