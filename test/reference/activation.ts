// Element-wise non-linearities.
//   gelu_new  x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))   Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2
//   gelu      x/2 (1 + erf(x / sqrt 2))                       the same
//   relu      max(x, 0), with derivative 0 at 0               as PyTorch
//   tanh
// erf(z) = 2/sqrt(pi) e^(-z^2) sum over n of 2^n z^(2n+1) / (1 3 5 ... (2n+1)): DLMF 7.6.2. All terms have one sign.

export type Activation = "none" | "gelu_new" | "gelu" | "relu" | "tanh";

export function erf(z: number): number {
  if (Math.abs(z) > 6) return Math.sign(z); // 1 - erf(6) is 2e-17
  let term = z;
  let sum = z;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

const ROOT = Math.sqrt(2 / Math.PI);

function value(kind: Activation, x: number): number {
  switch (kind) {
    case "gelu_new":
      return (x / 2) * (1 + Math.tanh(ROOT * (x + 0.044715 * x ** 3)));
    case "gelu":
      return (x / 2) * (1 + erf(x / Math.SQRT2));
    case "relu":
      return Math.max(x, 0);
    case "tanh":
      return Math.tanh(x);
    case "none":
      return x;
  }
}

function slope(kind: Activation, x: number): number {
  switch (kind) {
    case "gelu_new": {
      const t = Math.tanh(ROOT * (x + 0.044715 * x ** 3));
      return (1 + t) / 2 + (x / 2) * (1 - t * t) * ROOT * (1 + 3 * 0.044715 * x * x);
    }
    case "gelu": // d/dx of x P(X <= x) for a standard normal X: the probability plus x times the density
      return (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
    case "relu":
      return x > 0 ? 1 : 0;
    case "tanh":
      return 1 - Math.tanh(x) ** 2;
    case "none":
      return 1;
  }
}

export function activation(kind: Activation, x: Float64Array): Float64Array {
  return x.map((each) => value(kind, each));
}

/** dx = dy f'(x). */
export function activationBackward(
  kind: Activation,
  x: Float64Array,
  dy: Float64Array,
): Float64Array {
  return x.map((each, i) => dy[i]! * slope(kind, each));
}
