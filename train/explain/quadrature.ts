// The points of integrals over [0, 1] by panels of Gauss-Legendre quadrature.

/** The positive half of the 8-point rule on [-1, 1]. Abramowitz and Stegun 1964, table 25.4. */
const HALF_RULE = [
  { x: 0.1834346424956498, weight: 0.362683783378362 },
  { x: 0.525532409916329, weight: 0.3137066458778873 },
  { x: 0.7966664774136267, weight: 0.2223810344533745 },
  { x: 0.9602898564975363, weight: 0.1012285362903763 },
] as const;

export const POINTS = 2 * HALF_RULE.length;

/** A part of [0, 1]. */
export interface Panel {
  readonly from: number;
  readonly to: number;
}

/** A place where the integrand is taken; the weights of a panel add up to its width. */
export interface Point {
  readonly at: number;
  readonly weight: number;
}

/** The points of a panel: exact for polynomials up to degree 15. */
export function pointsOf({ from, to }: Panel): Point[] {
  const half = (to - from) / 2;
  const middle = (from + to) / 2;
  return HALF_RULE.flatMap(({ x, weight }) => [
    { at: middle - half * x, weight: half * weight },
    { at: middle + half * x, weight: half * weight },
  ]);
}
