// Limited-memory BFGS with backtracking, for smooth convex functions of many variables.
// Liu and Nocedal 1989, doi:10.1007/BF01589116; two-loop recursion: Nocedal and Wright 2006, algorithm 7.4.

/** Writes the gradient at `x` into `gradient` and returns the value there. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Whether the gradient's largest element is within the tolerance. */
  readonly converged: boolean;
}

/** Steps remembered. */
const MEMORY = 10;
/** Share of the decrease that the gradient promises which a step must bring (Armijo). */
const SUFFICIENT = 1e-4;
const MOST_HALVINGS = 40;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** y += factor * x */
const addTo = (y: Float64Array, factor: number, x: Float64Array): void => {
  for (let i = 0; i < y.length; i++) y[i]! += factor * x[i]!;
};

const largest = (x: Float64Array): number => x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** A step and the change of the gradient over it. */
interface Step {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly curvature: number;
}

/** Minus the gradient times the inverse Hessian that the steps, oldest first, tell of. */
function direction(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const d = gradient.map((g) => -g);
  const weights: number[] = [];
  for (const { s, y, curvature } of steps.toReversed()) {
    const weight = dot(s, d) / curvature;
    weights.push(weight);
    addTo(d, -weight, y);
  }
  const last = steps.at(-1);
  // Before anything is known, a step of length 1 at most.
  const scale = last ? last.curvature / dot(last.y, last.y) : 1 / Math.max(1, Math.sqrt(dot(d, d)));
  for (let i = 0; i < d.length; i++) d[i]! *= scale;
  for (const { s, y, curvature } of steps) addTo(d, weights.pop()! - dot(y, d) / curvature, s);
  return d;
}

/**
 * Goes from `start`, which is left alone, until the gradient's largest element is at most `tolerance`, or for
 * `maxIterations`. `onIteration` may take a turn between two of them.
 */
export async function minimise(
  objective: Objective,
  start: Float64Array,
  { tolerance = 1e-5, maxIterations = 500 } = {},
  onIteration?: (iteration: number, value: number) => void | Promise<void>,
): Promise<Minimum> {
  let x = start.slice();
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  const steps: Step[] = [];
  for (let iteration = 0; ; iteration++) {
    const converged = largest(gradient) <= tolerance;
    if (converged || iteration === maxIterations) {
      return { x, value, iterations: iteration, converged };
    }
    const d = direction(gradient, steps);
    const slope = dot(gradient, d);
    const next = { x: new Float64Array(0), gradient: new Float64Array(x.length), value: Infinity };
    let length = 1;
    for (let halving = 0; halving < MOST_HALVINGS; halving++, length /= 2) {
      next.x = x.slice();
      addTo(next.x, length, d);
      next.value = objective(next.x, next.gradient);
      if (next.value <= value + SUFFICIENT * length * slope) break;
    }
    // As near as rounding allows.
    if (!(next.value < value)) return { x, value, iterations: iteration, converged };
    const s = next.x.map((to, i) => to - x[i]!);
    const y = next.gradient.map((to, i) => to - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 0) steps.push({ s, y, curvature });
    if (steps.length > MEMORY) steps.shift();
    ({ x, gradient, value } = next);
    await onIteration?.(iteration + 1, value);
  }
}
