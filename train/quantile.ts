/** The value below which a share `q` of sorted ones lies: between neighbours in proportion, as numpy's default. NaN of none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const [below = NaN, above = NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  const share = at - Math.floor(at);
  // From the nearer end: so numpy rounds.
  return share < 0.5 ? below + (above - below) * share : above - (above - below) * (1 - share);
}
