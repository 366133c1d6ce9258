// The kernels that can compute a product, for an adapter: what the default choice and the tuner choose from.

import type { Constants, Grid } from "../kernels/kernel.ts";
import {
  type Layout,
  MATMUL_REGISTER,
  MATMUL_TILED,
  type MatmulKernel,
  matmulNaive,
  matmulRegister,
  matmulTiled,
} from "../kernels/matmul.ts";
import {
  isWide,
  matmulBroadcast,
  matmulBroadcastStep,
  matmulBroadcastTile,
} from "../kernels/matmul-broadcast.ts";
import { matmulMatrix } from "../kernels/matmul-matrix.ts";
import {
  largestShapes,
  type MatrixShape,
  type MatrixTile,
  matrixTileBytes,
  matrixTileSize,
} from "../kernels/matmul-matrix-tile.ts";
import { type AdapterInfo, workgroupLimits } from "./device.ts";

export type { Layout };

/** C is [M, N], sums run over K. */
export interface MatmulSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Element type of a product's operands; sums are f32 always. */
export type Precision = "f32" | "f16";

/** One way to compute a product. */
export interface MatmulVariant {
  /** Stands in tuning files: "tiled 128x128". */
  readonly name: string;
  /** Whole vec4s are needed: N % 4 = 0, K % 4 = 0, "TN" M % 4 = 0. */
  readonly quads: boolean;
  /** Layouts its kernel reads; none where it reads panels, copies of its tile's rows and columns, which any layout gives. */
  readonly reads: readonly Layout[];
  /** Workgroups that share K; above 1, their sums are added up by a second kernel. */
  readonly split: number;
  /** Rows and columns of C that a workgroup owns. */
  readonly tile: readonly [rows: number, columns: number];
  /** Element type of the operands its kernel reads. Of "f16" it is given copies. */
  readonly operands: Precision;
  /** Values of K that it takes at a time. */
  readonly step: number;
  /** Set where it runs on subgroup matrices, many times as fast as the common cores. */
  readonly matrices?: true;
  /** The WGSL of a layout. */
  kernel(layout: Layout): MatmulKernel;
  /** Its specialisation. */
  constants(layout: Layout, precision: Precision): Constants;
}

/** What of an adapter decides which kernels it can run. */
export type MatmulAdapter = Pick<
  AdapterInfo,
  "name" | "vendor" | "software" | "subgroupSize" | "matrixShapes" | "limits"
>;

const ALL: readonly Layout[] = ["NN", "NT", "TN"];

const transposed = (layout: Layout): Constants => ({
  A_TRANSPOSED: layout === "TN",
  B_TRANSPOSED: layout === "NT",
});

/** One thread per element: any shape. */
export const NAIVE: MatmulVariant = {
  name: "naive",
  quads: false,
  reads: ALL,
  operands: "f32",
  split: 1,
  tile: [8, 8],
  step: 1,
  kernel: () => matmulNaive,
  constants: (layout, precision) => ({ HALF: precision === "f16", ...transposed(layout) }),
};

const REGISTER: MatmulVariant = {
  name: "register",
  quads: true,
  reads: ALL,
  operands: "f32",
  split: 1,
  tile: [MATMUL_REGISTER.ROWS, 4 * MATMUL_REGISTER.LANES],
  step: 4,
  kernel: () => matmulRegister,
  constants: (layout, precision) => ({ HALF: precision === "f16", ...transposed(layout) }),
};

/** Operands as they lie: for products too small to pay for copies. */
const broadcast = (lanes: number): MatmulVariant => ({
  name: "broadcast",
  quads: true,
  reads: ["NN", "NT"],
  operands: "f32",
  split: 1,
  tile: matmulBroadcastTile("NN", lanes),
  step: matmulBroadcastStep("NN", lanes),
  kernel: (layout) => matmulBroadcast(layout, lanes),
  constants: (_layout, precision) => ({ HALF: precision === "f16" }),
});

const broadcastTN = (lanes: number): MatmulVariant => ({
  ...broadcast(lanes),
  name: "broadcast TN",
  reads: ["TN"],
  tile: matmulBroadcastTile("TN", lanes),
  step: matmulBroadcastStep("TN", lanes),
});

const broadcastPacked = (lanes: number, tall: boolean): MatmulVariant => ({
  ...broadcast(lanes),
  name: `broadcast packed${tall ? " tall" : ""}`,
  reads: [],
  tile: matmulBroadcastTile("packed", lanes, tall),
  step: matmulBroadcastStep("packed", lanes),
  kernel: () => matmulBroadcast("packed", lanes, tall),
});

/** Whether a variant's kernel reads panels of both operands. */
export const isPacked = ({ reads }: MatmulVariant): boolean => reads.length === 0;

/** Whether a variant computes products of a layout. */
export const takesLayout = (variant: MatmulVariant, layout: Layout): boolean =>
  isPacked(variant) || variant.reads.includes(layout);

const nameOf = (split: number): string => (split > 1 ? ` split ${split}` : "");

function tiled(ROW_QUADS: number, COLUMN_QUADS: number, STEP: number, split = 1): MatmulVariant {
  const tile = [4 * MATMUL_TILED.Y * ROW_QUADS, 4 * MATMUL_TILED.X * COLUMN_QUADS] as const;
  return {
    name: `tiled ${tile.join("x")}x${STEP}${nameOf(split)}`,
    quads: true,
    reads: ALL,
    operands: "f32",
    split,
    tile,
    step: STEP,
    kernel: () => matmulTiled,
    constants: (layout, ELEM) => ({
      ELEM,
      ROW_QUADS,
      COLUMN_QUADS,
      STEP,
      SPLIT: split,
      ...transposed(layout), // last: Node 20 takes a microsecond for each property behind a spread
    }),
  };
}

function matrix(
  shape: MatrixShape,
  tile: MatrixTile,
  lanes: number,
  split: number,
  operands: Precision,
): MatmulVariant {
  const size = matrixTileSize(shape, tile);
  const copies = operands === "f16" ? " of copies" : "";
  return {
    name: `matrix ${shape.M}x${shape.N}x${shape.K} tile ${size.join("x")}x${tile.step} by ${tile.subgroups.join("x")}${copies}${nameOf(split)}`,
    quads: true,
    reads: ALL,
    operands,
    split,
    tile: size,
    step: tile.step,
    matrices: true,
    kernel: (layout) => matmulMatrix(layout, shape, tile, lanes, split, operands),
    constants: () => ({}),
  };
}

/** Tiles of subgroup matrices to try: 2 x 2 subgroups of 2 x 2 matrices, and larger ones. */
const MATRIX_TILES: readonly Omit<MatrixTile, "stages">[] = [
  { subgroups: [2, 2], matrices: [2, 2], step: 32 },
  { subgroups: [2, 2], matrices: [4, 4], step: 32 },
  { subgroups: [2, 4], matrices: [4, 2], step: 32 },
  { subgroups: [4, 2], matrices: [4, 4], step: 32 },
];

/** Sums that a lane can keep in registers. */
const MOST_SUMS = 128;

/** Workgroups that may share a long K, where C alone makes few: 768 x 768 are 36 tiles of 128 x 128. */
const SPLITS = [1, 4, 8, 16] as const;

/** Every kernel that an adapter can run at a precision. Which is fastest, only the tuner knows. */
export function matmulVariants(
  adapter: MatmulAdapter,
  precision: Precision,
): readonly MatmulVariant[] {
  const portable = adapter.software ? ofSoftware(adapter) : tilesOf(adapter, precision);
  const matrices = precision === "f16" ? matricesOf(adapter) : [];
  return adapter.software ? [...portable, ...matrices] : [...matrices, ...portable];
}

/** From this one on, Mesa makes code in which the larger tile is the faster one, unless vectors are wide (bench/NOTES.md). */
const MESA_FOR_TALL_TILES = 26;

function ofSoftware({ name, subgroupSize }: MatmulAdapter): MatmulVariant[] {
  const shared =
    subgroupSize > 1 && matmulBroadcastTile("NN", subgroupSize)[0] % subgroupSize === 0;
  if (!shared) return [REGISTER];
  const tallFirst = Number(/\bMesa (\d+)/.exec(name)?.[1]) >= MESA_FOR_TALL_TILES;
  const talls = isWide(subgroupSize) ? [false] : [tallFirst, !tallFirst];
  const packed = talls.map((tall) => broadcastPacked(subgroupSize, tall));
  return [...packed, broadcastTN(subgroupSize), broadcast(subgroupSize), REGISTER];
}

function tilesOf({ vendor, limits }: MatmulAdapter, precision: Precision): MatmulVariant[] {
  const room = workgroupLimits(limits);
  const most = vendor === "intel" ? 2 : 4; // of a thread's quads by quads: more are not in its registers
  const bytes = precision === "f16" ? 2 : 4;
  return [1, 2].flatMap((rows) =>
    [1, 2].flatMap((columns) =>
      [8, 16].flatMap((step) => {
        const staged = step * 4 * (MATMUL_TILED.Y * rows + MATMUL_TILED.X * columns + 1) * bytes;
        if (rows * columns > most || staged > room.bytes) return [];
        return SPLITS.map((split) => tiled(rows, columns, step, split));
      }),
    ),
  );
}

function matricesOf({ matrixShapes, subgroupSize, limits }: MatmulAdapter): MatmulVariant[] {
  const room = workgroupLimits(limits);
  return largestShapes(matrixShapes).flatMap((shape) =>
    MATRIX_TILES.flatMap((tile) => {
      const staged = ([2, 1] as const).map((stages) => ({ ...tile, stages }));
      return staged.find((each) => matrixTileBytes(shape, each) <= room.bytes) ?? [];
    })
      .filter(
        (tile) =>
          tile.step % shape.K === 0 &&
          tile.matrices[0] * tile.matrices[1] * shape.M * shape.N <= MOST_SUMS * subgroupSize &&
          tile.subgroups[0] * tile.subgroups[1] * subgroupSize <= room.threads,
      )
      .flatMap((tile) =>
        SPLITS.flatMap((split) =>
          (["f32", "f16"] as const).map((from) => matrix(shape, tile, subgroupSize, split, from)),
        ),
      ),
  );
}

/** Workgroups that are no longer few: splitting K into more would only write and read more partial sums. */
const MANY_WORKGROUPS = 2048;
/** Steps of K that a workgroup should have, for its start and its sums' way through memory to be worth it. */
const LEAST_STEPS = 4;

/** Whether a variant takes these sizes. Forward products, "NT", have a bias, for which a split K has no place. */
export function fits(
  variant: MatmulVariant,
  layout: Layout,
  sizes: MatmulSizes,
  limits: MatmulAdapter["limits"],
): boolean {
  if (variant.split > 1 && (layout === "NT" || !paysToSplit(variant, sizes, limits))) return false;
  const { M, N, K } = sizes;
  if (!takesLayout(variant, layout)) return false;
  const ofM = layout === "TN" || isPacked(variant);
  return !variant.quads || (N % 4 === 0 && K % 4 === 0 && (!ofM || M % 4 === 0));
}

/** Whether a split K gives workgroups that are wanted and have work, and partial sums, [split, M, N], that a binding holds. */
function paysToSplit(
  { tile, step, split }: MatmulVariant,
  { M, N, K }: MatmulSizes,
  limits: MatmulAdapter["limits"],
): boolean {
  const binding = limits["maxStorageBufferBindingSize"] ?? 128 << 20;
  const tiles = Math.ceil(M / tile[0]) * Math.ceil(N / tile[1]);
  return (
    tiles * split < MANY_WORKGROUPS &&
    K >= LEAST_STEPS * step * split &&
    4 * split * M * N <= binding
  );
}

/** Workgroups of a launch. */
export function gridOf({ tile, split }: MatmulVariant, { M, N }: MatmulSizes): Grid {
  return [Math.ceil(N / tile[1]), Math.ceil(M / tile[0]), split];
}
