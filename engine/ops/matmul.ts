import { type Activation, ACTIVATIONS } from "../../kernels/activation.ts";
import type { Grid } from "../../kernels/kernel.ts";
import {
  MATMUL_REGISTER,
  MATMUL_TILE,
  matmulNaive,
  matmulRegister,
  matmulTiled,
} from "../../kernels/matmul.ts";
import { MATMUL_BROADCAST_ROWS, matmulBroadcast } from "../../kernels/matmul-broadcast.ts";
import type { AdapterInfo } from "../device.ts";
import { ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import { format } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Which operand is read transposed: C = A B, A Bᵀ or Aᵀ B. */
export type Layout = "NN" | "NT" | "TN";

export interface MatmulSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What the matmul kernels do after the product. */
export type Epilogue =
  | { readonly accumulate: boolean }
  | { readonly bias: Tensor; readonly activation: Activation; readonly pre?: Tensor | undefined };

/** Sizes of the product of a and b; all axes of a but the last count as rows. Throws ShapeError when they disagree. */
export function matmulSizes(layout: Layout, a: Tensor, b: Tensor): MatmulSizes {
  const [lastA, lastB] = [a.shape.at(-1)!, b.shape.at(-1)!];
  const [restA, restB] = [a.size / lastA, b.size / lastB];
  const [M, K] = layout === "TN" ? [lastA, restA] : [restA, lastA];
  const [N, inner] = layout === "NT" ? [restB, lastB] : [lastB, restB];
  if (K !== inner) {
    throw new ShapeError(
      `matmul ${layout}: the inner sizes must agree; got a ${format(a.shape)} and b ${format(b.shape)}.`,
    );
  }
  return { M, N, K };
}

type Variant = "naive" | "register" | "broadcast" | "tiled";

/**
 * The kernel for an adapter and shape. Register tiles want whole vec4s, and a subgroup of known size to share their loads;
 * workgroup memory only pays on a GPU.
 */
export function chooseVariant(
  { software, subgroupSize }: Pick<AdapterInfo, "software" | "subgroupSize">,
  layout: Layout,
  { M, N, K }: MatmulSizes,
): Variant {
  if (!software) return M * N < 1024 ? "naive" : "tiled";
  const whole = N % 4 === 0 && K % 4 === 0 && (layout !== "TN" || M % 4 === 0);
  if (!whole) return "naive";
  return subgroupSize > 1 && MATMUL_BROADCAST_ROWS % subgroupSize === 0 ? "broadcast" : "register";
}

/**
 * c = op(a) op(b) with an epilogue: add to c, or bias and activation, keeping the value before the activation in `pre`.
 * a: [..., K] ("TN": [K, M]), b: [K, N] ("NT": [N, K]), c and pre: [..., N], bias: [N]. f32 accumulation.
 */
export function matmulInto(
  gpu: Gpu,
  layout: Layout,
  a: Tensor,
  b: Tensor,
  c: Tensor,
  epilogue: Epilogue = { accumulate: false },
  variant: Variant = chooseVariant(gpu.info, layout, matmulSizes(layout, a, b)),
): void {
  const sizes = matmulSizes(layout, a, b);
  const { M, N } = sizes;
  const lanes = gpu.info.subgroupSize;
  const kernel = {
    naive: () => matmulNaive,
    register: () => matmulRegister,
    broadcast: () => matmulBroadcast(layout, lanes),
    tiled: () => matmulTiled,
  }[variant]();
  const transposed =
    variant === "broadcast" ? {} : { A_TRANSPOSED: layout === "TN", B_TRANSPOSED: layout === "NT" };
  const side = MATMUL_TILE;
  const grids: Record<Variant, Grid> = {
    naive: [Math.ceil(N / 8), Math.ceil(M / 8), 1],
    register: [Math.ceil(N / 4 / MATMUL_REGISTER.LANES), Math.ceil(M / MATMUL_REGISTER.ROWS), 1],
    broadcast: [Math.ceil(N / 4 / lanes), Math.ceil(M / MATMUL_BROADCAST_ROWS), 1],
    tiled: [Math.ceil(N / side), Math.ceil(M / side), 1],
  };
  const grid = grids[variant];
  if ("accumulate" in epilogue) {
    const constants = { ...transposed, ACCUMULATE: epilogue.accumulate };
    gpu.launch(kernel, "product", { a, b, c }, sizes, grid, constants);
    return;
  }
  const { bias, pre } = epilogue;
  const constants = { ...transposed, ACTIVATION: ACTIVATIONS[epilogue.activation] };
  if (pre) gpu.launch(kernel, "linearKeep", { a, b, c, bias, pre }, sizes, grid, constants);
  else gpu.launch(kernel, "linear", { a, b, c, bias }, sizes, grid, constants);
}

/** The product of two matrices in a layout. Shapes as in matmulInto; returns [M, N]. Throws ShapeError. */
export function matmul(gpu: Gpu, layout: Layout, a: Tensor, b: Tensor): Tensor {
  const { M, N } = matmulSizes(layout, a, b);
  const y = gpu.empty([M, N]);
  matmulInto(gpu, layout, a, b, y);
  return gpu.tape.record(y, [a, b], [], (dy) => {
    // y = a b: da = dy bᵀ, db = aᵀ dy; the transposed layouts permute the same products.
    const [da, db] = {
      NN: [["NT", dy, b] as const, ["TN", a, dy] as const],
      NT: [["NN", dy, b] as const, ["TN", dy, a] as const],
      TN: [["NT", b, dy] as const, ["NN", a, dy] as const],
    }[layout] as [[Layout, Tensor, Tensor], [Layout, Tensor, Tensor]];
    return [
      (into, accumulate) => matmulInto(gpu, ...da, into, { accumulate }),
      (into, accumulate) => matmulInto(gpu, ...db, into, { accumulate }),
    ];
  });
}
