// The update of all parameters of ALBERT-base, gradient norm and AdamW, whatever the number of tokens.

import { type Gpu, ParameterSet } from "../engine/index.ts";
import { AdamW, DEFAULT_ARGUMENTS } from "../train/index.ts";
import { type Case, expectNear } from "./harness.ts";
import { moved, value, valuesOf } from "./op-case.ts";

/** Parameters of albert-base-v2 with a classifier of two classes. */
const SIZE = 11_685_122;
const RATE = 1e-2;
const CLIP = 1;

/** The case owns its parameters and moments until `destroy`. */
export function updateCase(gpu: Gpu): Case {
  const set = new ParameterSet(gpu, {
    all: { shape: [SIZE], parts: [{ name: "all", shape: [SIZE] }], decay: true },
  });
  const optimiser = new AdamW(gpu, set, DEFAULT_ARGUMENTS);
  const filled = (seed: number): Float32Array => valuesOf(seed, set.size).fill(0, SIZE);
  gpu.set(set.values, filled(20));
  const update = () => optimiser.update(RATE, CLIP);
  return {
    name: "update",
    shape: `[${SIZE}]`,
    run() {
      gpu.step("bench update", () => void update());
    },
    async check() {
      const gradients = filled(21);
      gpu.set(set.gradients, gradients);
      const state = await gpu.settle(gpu.step("check update", () => gpu.readLater(update())));
      const [norm = NaN, factor = NaN, , scale = NaN] = state;
      const squares = gradients.reduce((sum, g) => sum + g * g, 0);
      expectNear("gradient norm", Float32Array.of(norm), () => Math.sqrt(squares) / scale, 1e-3);
      // Bias correction makes the first update the gradient over its own size.
      const { weightDecay, eps } = DEFAULT_ARGUMENTS;
      const want = (i: number): number => {
        const g = factor * value(21, i);
        const decayed = value(20, i) * (1 - RATE * weightDecay);
        return decayed - (RATE * g) / (Math.abs(g) + eps);
      };
      expectNear("adamw", (await gpu.read(set.values)).subarray(0, SIZE), want, 1e-6);
    },
    costs: {
      "gradient-norm/partial": moved(SIZE),
      "adamw/update": moved(7 * SIZE),
    },
    destroy() {
      optimiser.destroy();
      set.destroy();
    },
  };
}
