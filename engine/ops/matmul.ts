import type { Activation } from "../../kernels/activation.ts";
import { EACH_SOFTWARE, grid } from "../../kernels/kernel.ts";
import { matmulHalf, matmulPack, matmulSplit } from "../../kernels/matmul.ts";
import { launchEach } from "../each.ts";
import { invariant, ShapeError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";
import { expectShape, format, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { activationNumber } from "./activation.ts";
import {
  gridOf,
  isPacked,
  type Layout,
  type MatmulSizes,
  type MatmulVariant,
  takesLayout,
} from "../matmul-variants.ts";

/** What the matmul kernels do after the product. */
export type Epilogue =
  | { readonly accumulate: boolean }
  | { readonly bias: Tensor; readonly activation: Activation; readonly pre?: Tensor | undefined };

/** Sizes of the product of a and b; all axes of a but the last count as rows. Throws ShapeError when they disagree. */
function matmulSizes(layout: Layout, a: Tensor, b: Tensor): MatmulSizes {
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

/**
 * c = op(a) op(b) with an epilogue: add to c, or bias and activation, keeping the value before the activation in `pre`.
 * a: [..., K] ("TN": [K, M]), b: [K, N] ("NT": [N, K]), c and pre: [..., N], bias: [N]. f32 accumulation.
 * Throws ShapeError.
 */
export function matmulInto(
  gpu: Gpu,
  layout: Layout,
  a: Tensor,
  b: Tensor,
  c: Tensor,
  epilogue: Epilogue = { accumulate: false },
  chosen?: MatmulVariant,
): void {
  const sizes = matmulSizes(layout, a, b);
  const { M, N, K } = sizes;
  const filled = (what: string, { shape, size }: Tensor): void => {
    if (size === M * N && shape.at(-1) === N) return;
    throw new ShapeError(
      `matmul ${layout}: ${what} must hold [${M}, ${N}], for a ${format(a.shape)} and b ${format(b.shape)}; got ${format(shape)}.`,
    );
  };
  filled("c", c);
  if ("bias" in epilogue) {
    expectShape(`matmul ${layout}: bias`, epilogue.bias.shape, [N]);
    if (epilogue.pre) filled("pre", epilogue.pre);
  }
  const variant = chosen ?? gpu.matmul.choose(layout, sizes, isKept(b));
  invariant(takesLayout(variant, layout), () => `matmul: ${variant.name} takes no ${layout}`);
  const read = operandsOf(gpu, variant, layout, sizes, { a, b });
  launchProduct(gpu, layout, { c, ...read }, sizes, epilogue, variant);
  giveBack(gpu, a, read.a);
  giveBack(gpu, b, read.b);
  gpu.countFlops(2 * M * N * K);
}

/** The operands as a variant reads them: as they are, or copies. */
function operandsOf(
  gpu: Gpu,
  variant: MatmulVariant,
  layout: Layout,
  { M, N, K }: MatmulSizes,
  { a, b }: { a: Tensor; b: Tensor },
): { a: Tensor; b: Tensor } {
  if (isPacked(variant)) {
    const [rows, columns] = variant.tile;
    return {
      a: packed(gpu, a, layout === "TN" ? "columns" : "rows", M, K, rows),
      b: packed(gpu, b, layout === "NT" ? "rows" : "columns", N, K, columns),
    };
  }
  return variant.operands === "f16" ? { a: halved(gpu, a), b: halved(gpu, b) } : { a, b };
}

function launchProduct(
  gpu: Gpu,
  layout: Layout,
  { a, b, c }: { a: Tensor; b: Tensor; c: Tensor },
  sizes: MatmulSizes,
  epilogue: Epilogue,
  variant: MatmulVariant,
): void {
  const kernel = variant.kernel(layout);
  const groups = gridOf(variant, sizes);
  const constants = variant.constants(layout, gpu.precision);
  if ("accumulate" in epilogue) {
    const ACCUMULATE = epilogue.accumulate;
    if (variant.split === 1) {
      gpu.launch(kernel, "product", { a, b, c }, sizes, groups, { ACCUMULATE, ...constants });
      return;
    }
    const N = sizes.M * sizes.N;
    const partial = gpu.empty([variant.split, N]);
    gpu.launch(kernel, "product", { a, b, c: partial }, sizes, groups, constants);
    const params = { S: variant.split, N };
    launchEach(gpu, matmulSplit, "total", { partial, c }, params, N / 4, { ACCUMULATE });
    gpu.release(partial);
    return;
  }
  invariant(variant.split === 1, () => `matmul: ${variant.name} has no bias`);
  const { bias, pre } = epilogue;
  const all = { ACTIVATION: activationNumber(epilogue.activation), ...constants };
  if (pre) gpu.launch(kernel, "linearKeep", { a, b, c, bias, pre }, sizes, groups, all);
  else gpu.launch(kernel, "linear", { a, b, c, bias }, sizes, groups, all);
}

/** Whether a matrix is a parameter, whose copy is made once for all that multiply by it. */
const isKept = ({ buffer }: Tensor): boolean => buffer.pool === undefined;

/** What `make` computes of a matrix; `giveBack` says that it is done with. */
function copied(
  gpu: Gpu,
  of: Tensor,
  name: string,
  shape: Shape,
  make: (into: Tensor) => void,
): Tensor {
  if (isKept(of)) return gpu.derived(of, name, shape, make);
  const copy = gpu.empty(shape);
  make(copy);
  return copy;
}

function giveBack(gpu: Gpu, of: Tensor, copy: Tensor): void {
  if (copy !== of && !isKept(of)) gpu.release(copy);
}

/** A copy of a matrix, whose X rows or columns are K long, in panels of `width` of them. */
function packed(
  gpu: Gpu,
  x: Tensor,
  of: "rows" | "columns",
  X: number,
  K: number,
  width: number,
): Tensor {
  const panels = Math.ceil(X / width);
  return copied(gpu, x, `panels of ${of}`, [panels, K, width], (p) => {
    // Blocks of a row of workgroups, 4 x 4 of rows or of k.
    const [blocks, y, z] =
      of === "rows" ? [(K * width) / 16, panels, 1] : [(panels * width) / 4, ...grid(K / 4)];
    const { LANES, TURNS } = EACH_SOFTWARE; // whose kernels alone read panels
    const groups = [Math.ceil(blocks / (LANES * TURNS)), y, z] as const;
    gpu.launch(matmulPack, of, { x, p }, { X, K }, groups, { ...EACH_SOFTWARE, WIDTH: width });
  });
}

/** A copy of a matrix as f16, two elements to a word. */
function halved(gpu: Gpu, a: Tensor): Tensor {
  return copied(gpu, a, "halved", [a.size / 2], (h) => {
    launchEach(gpu, matmulHalf, "rounded", { a, h }, { N: a.size }, a.size / 4);
  });
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
