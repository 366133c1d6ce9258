import { AssertionError } from "node:assert";
import { format, type Shape } from "../../engine/shape.ts";

/** |got - want| may be atol + rtol |want|. Both 0: the values must be equal. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

function place(shape: Shape, index: number): string {
  const at: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return format(at);
}

/** Fails, naming how many values are off and the worst of them, unless all are close. NaN is close to nothing. */
export function expectClose(
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol, atol }: Tolerance,
  shape: Shape = [want.length],
): void {
  let count = 0;
  let worst = 0;
  let worstExcess = -1;
  for (let i = 0; i < want.length; i++) {
    const bound = atol + rtol * Math.abs(want[i]!);
    const error = Math.abs(got[i]! - want[i]!);
    if (error <= bound) continue;
    count++;
    const excess = Number.isNaN(error) ? Infinity : error - bound;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (got.length === want.length && count === 0) return;
  const lengths = got.length === want.length ? "" : `; got ${got.length} values`;
  throw new AssertionError({
    message:
      `${what} ${format(shape)}: ${count} of ${want.length} beyond atol ${atol.toExponential(1)} + rtol ${rtol}` +
      `; worst at ${place(shape, worst)}: got ${got[worst]}, want ${want[worst]}${lengths}`,
    stackStartFn: expectClose,
  });
}
