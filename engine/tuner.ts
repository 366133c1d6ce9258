// Finds the fastest matmul kernel for a product by running every one that fits, on the device and at the real size.

import { DeviceError, KernelError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import type { MatmulVariant } from "./matmul-variants.ts";
import { matmulInto } from "./ops/matmul.ts";
import { hasTimestamps } from "./profile.ts";
import { Tensor } from "./tensor.ts";
import type { TunedProduct } from "./tuning.ts";

/** A product to tune for: as TunedProduct, without the answer. */
export type ProductShape = Omit<TunedProduct, "variant">;

/** Where tuning is: all kernels are compiled before the first product is timed. */
export interface TuningProgress {
  /** Products that are done with. */
  readonly products: number;
  readonly compiled: number;
  readonly kernels: number;
}

/** Runs that count; the fastest is what the kernel can do, the rest is what else the machine did. */
const RUNS = 3;
/** A kernel that takes this many times the best so far is left at one run. */
const HOPELESS = 1.5;
/**
 * A measurement launches the kernel as often as fills this many milliseconds. By the device's own clock a few are enough;
 * without one the submit and the wait for it, a millisecond or two, must not count.
 */
const SPAN_MS = { device: 2, wall: 40 };
/** Of the most dispatches a launch takes, four, the profiler stamps no more. */
const MOST_LAUNCHES = 512;
/** An idle GPU takes about this long to raise its clocks; the first kernel must not lose by that. */
const WARM_UP_MS = 150;

function sizesOf({ layout, rows, sizes: [a, b] }: ProductShape): {
  M: number;
  N: number;
  K: number;
} {
  return layout === "TN" ? { M: a, N: b, K: rows } : { M: rows, N: a, K: b };
}

/** The operands and the result; b of "NT" and "NN" is a weight, and outside the pools as parameters are: its copies last. */
function operands(gpu: Gpu, product: ProductShape): [a: Tensor, b: Tensor, c: Tensor] {
  const { M, N, K } = sizesOf(product);
  const { layout } = product;
  const b = layout === "NT" ? [N, K] : [K, N];
  return [
    gpu.empty(layout === "TN" ? [K, M] : [M, K]),
    layout === "TN"
      ? gpu.empty(b)
      : new Tensor(b, gpu.persistent("weight to tune with", 4 * N * K)),
    gpu.empty([M, N]),
  ];
}

function free(gpu: Gpu, tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    if (tensor.buffer.pool) gpu.release(tensor);
    else gpu.destroyPersistent(tensor.buffer);
  }
}

/** Compiles every kernel of every product, several at a time: one after another that would take most of the time. */
async function compileAll(
  gpu: Gpu,
  products: readonly ProductShape[],
  onProgress: (compiled: number, kernels: number) => void,
): Promise<void> {
  await gpu.rehearse(() => {
    for (const product of products) {
      const tensors = operands(gpu, product);
      for (const variant of gpu.matmul.candidates(product.layout, sizesOf(product))) {
        try {
          matmulInto(gpu, product.layout, ...tensors, { accumulate: false }, variant);
        } catch (error) {
          if (!(error instanceof KernelError)) throw error; // this kernel is left out below
        }
      }
      free(gpu, tensors);
    }
    return Promise.resolve();
  }, onProgress);
}

/**
 * The fastest kernel of each product, by device time where the adapter tells it, else by wall time. A kernel that the
 * adapter refuses is left out. Results depend on what else the machine does: keep them for a run, and for the runs that
 * are to equal it.
 */
export async function tuneMatmul(
  gpu: Gpu,
  products: readonly ProductShape[],
  onProgress?: (progress: TuningProgress) => void,
): Promise<TunedProduct[]> {
  const tuned: TunedProduct[] = [];
  const probe = gpu.empty([1]);
  const clock = hasTimestamps(gpu.info) ? "device" : "wall";
  let kernels = 0;
  await compileAll(gpu, products, (compiled, total) => {
    kernels = total;
    onProgress?.({ products: 0, compiled, kernels });
  });
  const warm = performance.now() + WARM_UP_MS;
  for (const [index, product] of products.entries()) {
    const tensors = operands(gpu, product);
    const [a, b, c] = tensors;
    const time = async (variant: MatmulVariant, launches: number): Promise<number> => {
      const work = async (): Promise<void> => {
        for (let i = 0; i < launches; i++) {
          matmulInto(gpu, product.layout, a, b, c, { accumulate: false }, variant);
        }
        await gpu.read(probe);
      };
      const started = performance.now();
      const spans = clock === "device" ? await gpu.profile(work) : [];
      if (clock === "wall") await work();
      const device = spans.reduce((sum, { ms }) => sum + ms, 0);
      const wall = performance.now() - started;
      return (device > 0 ? device : wall) / launches; // by the wall where the stamps are all alike
    };
    const fastest = async (variant: MatmulVariant, limit: number): Promise<number> => {
      await time(variant, 1); // compiles, where the driver does so at the first launch
      let [ms, launches] = [await time(variant, 1), 1];
      while (ms * launches < SPAN_MS[clock] / 2 && launches < MOST_LAUNCHES) {
        launches = Math.min(MOST_LAUNCHES, Math.ceil(SPAN_MS[clock] / ms));
        ms = await time(variant, launches);
      }
      if (ms > limit) return ms;
      for (let run = 0; run < RUNS; run++) ms = Math.min(ms, await time(variant, launches));
      return ms;
    };
    let best: { ms: number; variant: MatmulVariant } | undefined;
    for (const variant of gpu.matmul.candidates(product.layout, sizesOf(product))) {
      const hopeless = best ? HOPELESS * best.ms : Infinity;
      let [ms, began] = [0, 0];
      do {
        began = performance.now();
        ms = await fastest(variant, hopeless).catch((error: unknown) => {
          if (error instanceof KernelError || error instanceof DeviceError) return Infinity;
          throw error;
        });
      } while (began < warm && ms < Infinity); // what was timed too early does not count
      if (ms < (best?.ms ?? Infinity)) best = { ms, variant };
    }
    free(gpu, tensors);
    if (best) tuned.push({ ...product, variant: best.variant.name });
    onProgress?.({ products: index + 1, compiled: kernels, kernels });
  }
  gpu.release(probe);
  return tuned;
}
