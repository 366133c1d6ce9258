import { expectClose } from "./close.ts";
import { normals } from "./random.ts";

/** Named arrays in, one array out. */
export type Inputs<N extends string> = Readonly<Record<N, Float64Array>>;

/**
 * Checks a backward against central differences of its forward, in f64: dL/dx = (L(x + h) - L(x - h)) / 2h of
 * L = sum of forward(x) times random weights. Relative to each input's largest derivative the error may be 1e-6; beside it
 * stands the noise of differences, 1e-16 / h from rounding and h^2 from truncation, for derivatives that are 0.
 */
export function expectGradients<N extends string>(
  what: string,
  inputs: Inputs<N>,
  forward: (inputs: Inputs<N>) => Float64Array,
  backward: (inputs: Inputs<N>, dy: Float64Array) => Inputs<N>,
): void {
  const h = 1e-5;
  const weights = Float64Array.from(normals(99, forward(inputs).length));
  const loss = (): number => forward(inputs).reduce((sum, y, i) => sum + y * weights[i]!, 0);
  const gradients = backward(inputs, weights);
  for (const name of Object.keys(inputs) as N[]) {
    const values = inputs[name];
    const differences = values.map((kept, i) => {
      values[i] = kept + h;
      const above = loss();
      values[i] = kept - h;
      const below = loss();
      values[i] = kept;
      return (above - below) / (2 * h);
    });
    const largest = differences.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const tolerance = { rtol: 0, atol: 1e-6 * largest + 1e-9 };
    expectClose(`${what} d${name}`, gradients[name], differences, tolerance);
  }
}
