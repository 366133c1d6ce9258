// Whether two classifiers scored on the same examples differ by more than chance.

import { setImmediate } from "node:timers/promises";
import { DataError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { checkPairs } from "./metrics.ts";
import { quantile } from "./quantile.ts";

/** How many examples one classifier has right and the other wrong. */
export interface Discordant {
  readonly onlyFirst: number;
  readonly onlySecond: number;
}

/** Counts the examples that one of two classifiers alone has right. Throws DataError for lists of other lengths, or empty. */
export function discordant(
  labels: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Discordant {
  for (const said of [first, second]) checkPairs(labels, said);
  let [onlyFirst, onlySecond] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const [one, other] = [first[i] === labels[i], second[i] === labels[i]];
    if (one && !other) onlyFirst++;
    if (other && !one) onlySecond++;
  }
  return { onlyFirst, onlySecond };
}

/**
 * The two-sided p of McNemar's test in its exact form: how likely the examples that one alone has right would be shared out
 * as unevenly as this, or more, if each fell to either with even chance. No approximation by chi-square is needed for any
 * number of examples. McNemar 1947, doi:10.1007/BF02295996; Edwards 1948 for the binomial.
 */
export function mcnemar({ onlyFirst, onlySecond }: Discordant): number {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  if (2 * fewer === n) return 1;
  let log = -n * Math.LN2; // of the probability that exactly `fewer` of n fall to one side
  for (let i = 1; i <= fewer; i++) log += Math.log((n - fewer + i) / i);
  let term = Math.exp(log);
  let tail = 0;
  for (let k = fewer; k >= 0 && term > 0; k--) {
    tail += term;
    term *= k / (n - k + 1);
  }
  return Math.min(1, 2 * tail);
}

/** Ends of an interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How an interval is drawn. */
export interface BootstrapOptions {
  /** Number of classes. */
  readonly K: number;
  readonly seed: number;
  readonly resamples: number;
  /** Share of the resamples that lie in the interval. */
  readonly confidence: number;
}

/**
 * The interval of the first classifier's weighted F1 less the second's: percentiles over resamples of the examples, both
 * scored on the same ones. Efron 1979, doi:10.1214/aos/1176344552. The same seed gives the same interval. Throws DataError
 * for lists of other lengths, empty ones, and classes that are none.
 */
export async function f1DifferenceInterval(
  labels: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  { K, seed, resamples, confidence }: BootstrapOptions,
): Promise<Interval> {
  const n = labels.length;
  for (const said of [first, second]) {
    checkPairs(labels, said);
    for (let i = 0; i < n; i++) {
      if (labels[i]! < K && said[i]! < K) continue;
      throw new DataError(
        `significance: classes must be below ${K}; got ${labels[i]} and ${said[i]}.`,
      );
    }
  }
  const random = new Random(seed);
  const support = new Uint32Array(K);
  const sides = [first, second].map((said) => {
    return { said, predicted: new Uint32Array(K), hits: new Uint32Array(K) };
  });
  const differences = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    await setImmediate(); // for Ctrl-C: there may be millions of examples
    support.fill(0);
    for (const { predicted, hits } of sides) {
      predicted.fill(0);
      hits.fill(0);
    }
    for (let drawn = 0; drawn < n; drawn++) {
      const i = random.int(n);
      const label = labels[i]!;
      support[label]!++;
      for (const { said, predicted, hits } of sides) {
        predicted[said[i]!]!++;
        if (said[i] === label) hits[label]!++;
      }
    }
    const [one, other] = sides.map(({ predicted, hits }) =>
      weightedF1(support, predicted, hits, n),
    );
    differences[resample] = one! - other!;
  }
  differences.sort();
  const tail = (1 - confidence) / 2;
  return { low: quantile(differences, tail), high: quantile(differences, 1 - tail) };
}

/** From counts by class: of the examples, of what was said, and of what was said rightly. */
function weightedF1(
  support: Uint32Array,
  predicted: Uint32Array,
  hits: Uint32Array,
  total: number,
): number {
  return support.reduce((sum, count, c) => {
    const f1 = count === 0 ? 0 : (2 * hits[c]!) / (count + predicted[c]!);
    return sum + (count / total) * f1;
  }, 0);
}
