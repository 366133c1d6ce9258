// What a row of repeated times says.

import { quantile } from "../train/quantile.ts";

const share = (values: readonly number[], q: number): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    q,
  );

export const median = (values: readonly number[]): number => share(values, 0.5);

/** Distance between the quartiles. */
export const iqr = (values: readonly number[]): number => share(values, 0.75) - share(values, 0.25);
