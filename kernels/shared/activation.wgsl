// Activations by number (kernels/activation.ts): 0 none, 1 gelu_new, 2 gelu, 3 relu, 4 tanh.
// gelu_new is the tanh form, gelu the erf form: Hendrycks and Gimpel 2016, arXiv:1606.08415.

// WGSL's own tanh may be off by 1e-5, and is on D3D12 (gpuweb/gpuweb#5206). |x| < 1/4: its Taylor series, whose terms
// beyond x^9 are below 1e-8 of it; otherwise 1 - 2 / (1 + exp(2 x)). Clamped: tanh(15) is 1 in f32, and exp would overflow.
// By select, which keeps a NaN: clamp, as max below, may make a number of it, and a broken model would look sure of itself.
fn accurate_tanh(x: Real) -> Real {
  let below = select(x, Real(15.0), x > Real(15.0));
  let z = select(below, Real(-15.0), x < Real(-15.0));
  let s = z * z;
  var near = -17.0 / 315.0 + s * (62.0 / 2835.0);
  near = 2.0 / 15.0 + s * near;
  near = -1.0 / 3.0 + s * near;
  near = z + z * (s * near);
  var far = 1.0 - 2.0 / (1.0 + exp(2.0 * z));
  far = select(far, sign(z), abs(z) > Real(9.1)); // 1 in f32, which a division that may be off by 2.5 ulp does not promise
  return select(near, far, abs(z) >= Real(0.25)); // of a NaN the series: SwiftShader's exp makes a number of it
}

// erf(x) for f32. |x| < 1: its Taylor series, whose terms beyond x^21 are below 2e-9. Otherwise 1 - exp(-x^2) p(t) with
// t = 1 / (1 + x / 2): the Chebyshev fit of erfc in Press et al., Numerical Recipes, section 6.2 (relative error 1.2e-7).
fn erf(x: Real) -> Real {
  let z = abs(x);
  let s = min(x * x, Real(1.0)); // a larger one would overflow where its series is not used
  var near = 1.0 / 685440.0 + s * (-1.0 / 6894720.0 + s / 76204800.0);
  near = -1.0 / 75600.0 + s * near;
  near = 1.0 / 9360.0 + s * near;
  near = -1.0 / 1320.0 + s * near;
  near = 1.0 / 216.0 + s * near;
  near = -1.0 / 42.0 + s * near;
  near = 1.0 / 10.0 + s * near;
  near = -1.0 / 3.0 + s * near;
  near = 1.1283791670955126 * x * (1.0 + s * near);
  let t = 1.0 / (1.0 + 0.5 * z);
  var far = -0.82215223 + t * 0.17087277;
  far = 1.48851587 + t * far;
  far = -1.13520398 + t * far;
  far = 0.27886807 + t * far;
  far = -0.18628806 + t * far;
  far = 0.09678418 + t * far;
  far = 0.37409196 + t * far;
  far = 1.00002368 + t * far;
  far = -1.26551223 + t * far;
  far = sign(x) * (1.0 - t * exp(-z * z + far));
  return select(far, near, z < Real(1.0));
}

const SQRT_2_OVER_PI = 0.7978845608028654;
const SQRT_1_OVER_2 = 0.7071067811865476;
const SQRT_1_OVER_2PI = 0.3989422804014327;

fn activate(x: Real) -> Real {
  switch (ACTIVATION) {
    case 1u: { return 0.5 * x * (1.0 + accurate_tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))); }
    case 2u: { return 0.5 * x * (1.0 + erf(x * SQRT_1_OVER_2)); }
    case 3u: { return select(x, Real(0.0), x < Real(0.0)); }
    case 4u: { return accurate_tanh(x); }
    default: { return x; }
  }
}

// d activate(x) / dx.
fn activate_gradient(x: Real) -> Real {
  switch (ACTIVATION) {
    case 1u: {
      let t = accurate_tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SQRT_2_OVER_PI * (1.0 + 0.134145 * x * x);
    }
    case 2u: { return 0.5 * (1.0 + erf(x * SQRT_1_OVER_2)) + x * SQRT_1_OVER_2PI * exp(-0.5 * x * x); }
    case 3u: { return select(Real(0.0), Real(1.0), x > Real(0.0)); }
    case 4u: {
      let t = accurate_tanh(x);
      return 1.0 - t * t;
    }
    default: { return Real(1.0); }
  }
}
