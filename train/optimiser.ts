import {
  adamw,
  type AdamWOptions,
  type Gpu,
  gradientNorm,
  type ParameterSet,
  Tensor,
} from "../engine/index.ts";

/** What an optimiser knows besides the parameters. */
export interface OptimiserState {
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Where products are f16. */
  readonly lossScale: Float32Array | undefined;
  readonly corrections: Float32Array | undefined;
}

/** torch.amp.GradScaler's. */
const INITIAL_LOSS_SCALE = 65536;

/** AdamW with its moments on the device. Owns two buffers as large as the parameters; destroy() frees them. */
export class AdamW {
  /** Updates asked for; those left out because a gradient was not finite are among them. */
  steps = 0;
  readonly #gpu: Gpu;
  readonly #parameters: ParameterSet;
  readonly #options: AdamWOptions;
  /** First and second moment, flat [parameters.size]. */
  readonly #m: Tensor;
  readonly #v: Tensor;
  /** [scale, finite steps in a row] where products are f16, whose gradients would fall below what it holds. */
  readonly lossScale: Tensor | undefined;
  /** As torch.amp.GradScaler, which does not call the optimiser: only updates that were made count for the bias correction. */
  readonly #corrections: Tensor | undefined;

  constructor(gpu: Gpu, parameters: ParameterSet, options: AdamWOptions) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.#options = options;
    const bytes = parameters.size * 4;
    this.#m = new Tensor([parameters.size], gpu.persistent("adamw m", bytes));
    this.#v = new Tensor([parameters.size], gpu.persistent("adamw v", bytes));
    if (gpu.precision === "f16") {
      this.lossScale = new Tensor([2], gpu.persistent("loss scale", 8));
      gpu.set(this.lossScale, Float32Array.of(INITIAL_LOSS_SCALE, 0));
      this.#corrections = new Tensor([2], gpu.persistent("adamw corrections", 8));
    }
  }

  /** Encodes one update from the accumulated gradients. Returns [norm before clipping, clip factor, finite, loss scale]. */
  update(learningRate: number, maxGradNorm: number): Tensor {
    const gpu = this.#gpu;
    const state = gradientNorm(gpu, this.#parameters, maxGradNorm, this.lossScale);
    this.steps++;
    const moments = { m: this.#m, v: this.#v, corrections: this.#corrections };
    adamw(gpu, this.#parameters, moments, state, learningRate, this.steps, this.#options);
    return state;
  }

  /** Both moments on the CPU, as flat as the parameters, and the state that goes with a loss scale. Submits. */
  async read(): Promise<OptimiserState> {
    const gpu = this.#gpu;
    const [m, v] = [await gpu.read(this.#m), await gpu.read(this.#v)];
    const lossScale = this.lossScale && (await gpu.read(this.lossScale));
    const corrections = this.#corrections && (await gpu.read(this.#corrections));
    return { m, v, lossScale, corrections };
  }

  /** Restores what read() gave, and how many updates had been asked for. */
  restore({ m, v, lossScale, corrections }: OptimiserState, steps: number): void {
    const gpu = this.#gpu;
    gpu.set(this.#m, m);
    gpu.set(this.#v, v);
    if (this.lossScale && lossScale) gpu.set(this.lossScale, lossScale);
    if (this.#corrections && corrections) gpu.set(this.#corrections, corrections);
    this.steps = steps;
  }

  /** Frees the moments. */
  destroy(): void {
    const state = [this.#m, this.#v, this.lossScale, this.#corrections];
    this.#gpu.destroyPersistent(...state.flatMap((tensor) => tensor?.buffer ?? []));
  }
}
