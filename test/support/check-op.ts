// One op of the engine against its f64 reference, in the middle of a graph: its inputs are results of earlier ops, its
// output goes into further ones, and a coefficient stands before the loss, so that no upstream gradient is 1.

import type { Gpu } from "../../engine/gpu.ts";
import { add } from "../../engine/ops/add.ts";
import { matmulInto } from "../../engine/ops/matmul.ts";
import { NAIVE } from "../../engine/matmul-variants.ts";
import { ParameterSet } from "../../engine/parameters.ts";
import { elementCount, type Shape } from "../../engine/shape.ts";
import { Tensor } from "../../engine/tensor.ts";
import { expectClose, type Tolerance } from "./close.ts";
import type { Inputs } from "./differences.ts";
import { normals } from "./random.ts";

/** What stands before the loss. */
export const COEFFICIENT = 0.7;

export interface OpCase<N extends string> {
  /** Op and shape, for failures: "linear 65 x 130". */
  readonly name: string;
  /** Shapes of the inputs that have gradients. */
  readonly inputs: Readonly<Record<N, Shape>>;
  readonly op: (inputs: Readonly<Record<N, Tensor>>) => Tensor;
  readonly forward: (inputs: Inputs<N>) => Float64Array;
  readonly backward: (inputs: Inputs<N>, dy: Float64Array) => Inputs<N>;
  readonly tolerance: Tolerance;
  /** Default: tolerance. */
  readonly gradientTolerance?: Tolerance;
  /** Default: normal numbers. */
  readonly values?: (name: N, size: number) => Float32Array;
}

/** Parameters of these names and shapes, none of which decays. The caller destroys the set. */
export function parametersOf(gpu: Gpu, shapes: Readonly<Record<string, Shape>>): ParameterSet {
  return new ParameterSet(
    gpu,
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        { shape, parts: [{ name, shape }], decay: false },
      ]),
    ),
  );
}

/**
 * loss = sum of y times w, of one element: a test's own op, whose backward gives each element of y a gradient of its own.
 * y, w: any one size.
 */
export function project(gpu: Gpu, y: Tensor, w: Tensor): Tensor {
  const row = (of: Tensor): Tensor => new Tensor([1, of.size], of.buffer, of.offset);
  const loss = gpu.empty([1]);
  matmulInto(gpu, "NT", row(y), row(w), row(loss), { accumulate: false }, NAIVE);
  return gpu.tape.record(loss, [y], [], (dloss) => [
    (dy, accumulate) => matmulInto(gpu, "NN", row(dloss), row(w), row(dy), { accumulate }, NAIVE),
  ]);
}

const f64 = (values: Float32Array): Float64Array => Float64Array.from(values);

/** Runs one case: forward, the loss, and each gradient, once through earlier results and once straight into parameters. */
export async function checkOp<N extends string>(gpu: Gpu, test: OpCase<N>): Promise<void> {
  const names = Object.keys(test.inputs) as N[];
  const set = parametersOf(gpu, test.inputs);
  const parameters = {} as Record<N, Float64Array>;
  const results = {} as Record<N, Float64Array>;
  const shifts = {} as Record<N, Float32Array>;
  names.forEach((name, i) => {
    const size = elementCount(test.inputs[name]);
    const values = test.values?.(name, size) ?? normals(100 + i, size);
    const shift = normals(200 + i, size);
    set.set(name, test.inputs[name], values);
    parameters[name] = f64(values);
    shifts[name] = shift;
    results[name] = f64(values.map((value, at) => value + shift[at]!)); // rounded to f32, as the device's add
  });
  const direct = (name: N): Tensor => set.tensor(name);
  const through = (name: N): Tensor =>
    add(gpu, direct(name), gpu.upload(shifts[name], test.inputs[name]));
  try {
    await expectCase(gpu, test, set, results, through, 1);
    gpu.set(set.gradients, new Float32Array(set.size));
    await expectCase(gpu, test, set, parameters, direct, 1);
    await expectCase(gpu, test, set, parameters, direct, 2); // adds to the gradients of the last
  } finally {
    set.destroy();
  }
}

async function expectCase<N extends string>(
  gpu: Gpu,
  test: OpCase<N>,
  set: ParameterSet,
  inputs: Inputs<N>,
  tensorOf: (name: N) => Tensor,
  runs: number,
): Promise<void> {
  const names = Object.keys(test.inputs) as N[];
  const apply = (): Tensor =>
    test.op(Object.fromEntries(names.map((name) => [name, tensorOf(name)])) as Record<N, Tensor>);
  const want = test.forward(inputs);
  const [gotY, shape] = gpu.step(`${test.name} forward`, () => {
    const y = apply();
    return [gpu.readLater(y), y.shape] as const;
  });
  const y = await gpu.settle(gotY);
  expectClose(`${test.name} forward`, y, want, test.tolerance, shape);

  const weights = normals(300, want.length);
  const [gotLoss, gotGradients] = gpu.step(`${test.name} gradients`, () => {
    const w = gpu.upload(weights, shape);
    const shift = gpu.upload(normals(301, want.length), shape);
    const loss = gpu.tape.gradients(() => project(gpu, add(gpu, apply(), shift), w), COEFFICIENT);
    return [gpu.readLater(loss), gpu.readLater(set.gradients)] as const;
  });
  const loss = normals(301, want.length).reduce(
    (sum, s, i) => sum + (want[i]! + s) * weights[i]!,
    0,
  );
  const size = weights.reduce((sum, w, i) => sum + Math.abs(w) * (Math.abs(want[i]!) + 1), 0);
  const bound = (test.tolerance.rtol + test.tolerance.atol + 1e-5) * size;
  const [device = NaN] = await gpu.settle(gotLoss);
  // An op may take another way through its kernels while the tape records.
  if (!(Math.abs(device - loss) <= bound)) {
    throw new Error(`${test.name} while recording: loss ${device}, want ${loss} within ${bound}`);
  }
  const dy = f64(weights).map((w) => w * COEFFICIENT * runs);
  const wanted = test.backward(inputs, dy);
  const parts = set.split(await gpu.settle(gotGradients));
  for (const name of names) {
    const tolerance = test.gradientTolerance ?? test.tolerance;
    const { data } = parts.get(name)!;
    const what = `${test.name} backward d${name}${runs > 1 ? ", added twice" : ""}`;
    expectClose(what, data, wanted[name], tolerance, test.inputs[name]);
  }
}
