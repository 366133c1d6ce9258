import {
  adamw,
  type AdamWOptions,
  type Gpu,
  gradientNorm,
  type ParameterSet,
  Tensor,
} from "../engine/index.ts";

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

  constructor(gpu: Gpu, parameters: ParameterSet, options: AdamWOptions) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.#options = options;
    const bytes = parameters.size * 4;
    this.#m = new Tensor([parameters.size], gpu.persistent("adamw m", bytes));
    this.#v = new Tensor([parameters.size], gpu.persistent("adamw v", bytes));
  }

  /** Encodes one update from the accumulated gradients. Returns [norm before clipping, clip factor, finite]. */
  update(learningRate: number, maxGradNorm: number): Tensor {
    const gpu = this.#gpu;
    const state = gradientNorm(gpu, this.#parameters, maxGradNorm);
    this.steps++;
    const moments = { m: this.#m, v: this.#v };
    adamw(gpu, this.#parameters, moments, state, learningRate, this.steps, this.#options);
    return state;
  }

  /** Both moments on the CPU, as flat as the parameters. Submits. */
  async read(): Promise<{ m: Float32Array; v: Float32Array }> {
    return { m: await this.#gpu.read(this.#m), v: await this.#gpu.read(this.#v) };
  }

  /** Restores what read() gave, and how many updates had been done. */
  restore(moments: { m: Float32Array; v: Float32Array }, steps: number): void {
    this.#gpu.set(this.#m, moments.m);
    this.#gpu.set(this.#v, moments.v);
    this.steps = steps;
  }

  /** Frees the moments. */
  destroy(): void {
    this.#m.buffer.gpu.destroy();
    this.#v.buffer.gpu.destroy();
  }
}
