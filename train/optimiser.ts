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
  readonly lossScale: Float32Array | undefined;
}

/** torch.amp.GradScaler's. */
const INITIAL_LOSS_SCALE = 65536;

/** AdamW with its moments on the device. Owns two buffers as large as the parameters; destroy() frees them. */
export class AdamW {
  /** Updates done. */
  steps = 0;
  readonly #gpu: Gpu;
  readonly #parameters: ParameterSet;
  readonly #options: AdamWOptions;
  /** First and second moment, flat [parameters.size]. */
  readonly #m: Tensor;
  readonly #v: Tensor;
  /** [scale, finite steps in a row] where products are f16, whose gradients would fall below what it holds. */
  readonly lossScale: Tensor | undefined;

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
    }
  }

  /** Encodes one update from the accumulated gradients. Returns [norm before clipping, clip factor, finite, loss scale]. */
  update(learningRate: number, maxGradNorm: number): Tensor {
    const gpu = this.#gpu;
    const state = gradientNorm(gpu, this.#parameters, maxGradNorm, this.lossScale);
    this.steps++;
    const moments = { m: this.#m, v: this.#v };
    adamw(gpu, this.#parameters, moments, state, learningRate, this.steps, this.#options);
    return state;
  }

  /** Both moments on the CPU, as flat as the parameters, and the loss scale's state. Submits. */
  async read(): Promise<OptimiserState> {
    const [m, v] = [await this.#gpu.read(this.#m), await this.#gpu.read(this.#v)];
    return { m, v, lossScale: this.lossScale && (await this.#gpu.read(this.lossScale)) };
  }

  /** Restores what read() gave, and how many updates had been done. */
  restore({ m, v, lossScale }: OptimiserState, steps: number): void {
    this.#gpu.set(this.#m, m);
    this.#gpu.set(this.#v, v);
    if (this.lossScale && lossScale) this.#gpu.set(this.lossScale, lossScale);
    this.steps = steps;
  }

  /** Frees the moments. */
  destroy(): void {
    const state = [this.#m, this.#v, ...(this.lossScale ? [this.lossScale] : [])];
    this.#gpu.destroyPersistent(...state.map(({ buffer }) => buffer));
  }
}
