// A case for an op of the tape: forward against sampled values, backward against the loss's own change, then both timed.

import { crossEntropy, type Gpu, mix, Tensor } from "../engine/index.ts";
import type { Case, Cost } from "./harness.ts";

/** Hidden size of ALBERT-base. */
export const H = 768;

/** A prime, so that no two rows of a matrix are the same: tens of millions of values are soon copied, but slowly made. */
const PERIOD = 262_139;

/** Values in [-0.5, 0.5) that any place of the program can make again. */
export const value = (seed: number, i: number): number => mix(seed, i % PERIOD) / 2 ** 32 - 0.5;

/** The first `size` of them. */
export function valuesOf(seed: number, size: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size);
  const made = Math.min(size, PERIOD);
  for (let i = 0; i < made; i++) values[i] = value(seed, i);
  for (let i = made; i < size; i *= 2) values.copyWithin(i, 0, Math.min(i, size - i));
  return values;
}

/** A tensor of such values; with `grad` it takes gradients as a parameter does. */
export function filled(gpu: Gpu, seed: number, shape: number[], grad = false): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const tensor = gpu.upload(valuesOf(seed, size), shape);
  if (!grad) return tensor;
  const gradient = gpu.upload(new Float32Array(size), shape);
  return new Tensor(shape, tensor.buffer, 0, gradient);
}

/** What a sum of `K` products of such values may be off by: f16 rounds each operand to 2^-11 of itself. */
export const roundingOf = (gpu: Gpu, K: number): number =>
  (gpu.precision === "f16" ? 3e-4 : 1e-5) * Math.sqrt(K);

export const moved = (floats: number): Cost => ({ flops: 0, bytes: 4 * floats });

/** Change of the loss that the gradient is held against: far above rounding, far below where the loss bends. */
const CHANGE = 0.02;

/**
 * An op run forward and backward through the tape, its output reduced to a loss by cross-entropy over its columns.
 * `inputs` take gradients; `check` sees the output.
 */
export function opCase(
  gpu: Gpu,
  about: Pick<Case, "name" | "shape" | "costs"> & {
    readonly inputs: readonly Tensor[];
    readonly op: () => Tensor;
    readonly check: (y: Float32Array) => void;
  },
): Case {
  const { name, shape, inputs, op, costs } = about;
  const loss = (): Tensor => {
    const y = op();
    return crossEntropy(gpu, y, new Uint32Array(y.shape[0]!));
  };
  const run = (): void => gpu.step(`bench ${name} ${shape}`, () => void gpu.tape.gradients(loss));
  return {
    name,
    shape,
    run,
    async check() {
      const y = gpu.step(`check ${name} ${shape}`, () => gpu.readLater(op()));
      about.check(await gpu.settle(y));
      await checkGradient(gpu, `${name} ${shape}`, inputs, loss, run);
    },
    costs,
  };
}

/** Throws unless a step along the gradient changes the loss by what the gradient says, to 2 %. */
async function checkGradient(
  gpu: Gpu,
  what: string,
  inputs: readonly Tensor[],
  loss: () => Tensor,
  run: () => void,
): Promise<void> {
  const lossNow = async (): Promise<number> =>
    (await gpu.settle(gpu.step(`loss ${what}`, () => gpu.readLater(loss()))))[0]!;
  for (const { grad } of inputs) gpu.set(grad!, new Float32Array(grad!.size));
  run();
  let squares = 0;
  const before: [Tensor, Float32Array, Float32Array][] = [];
  for (const input of inputs) {
    const gradient = await gpu.read(input.grad!);
    for (const g of gradient) squares += g * g;
    before.push([input, await gpu.read(input), gradient]);
  }
  const move = (step: number): void => {
    for (const [input, values, gradient] of before) {
      gpu.set(
        input,
        values.map((v, i) => v + step * gradient[i]!),
      );
    }
  };
  const step = CHANGE / 2 / squares;
  move(step);
  const above = await lossNow();
  move(-step);
  const below = await lossNow();
  move(0);
  const change = above - below;
  if (!(Math.abs(change / CHANGE - 1) <= 0.02)) {
    throw new Error(
      `${what}: a step along the gradient must change the loss by ${CHANGE}; got ${change}.`,
    );
  }
}
