// The tiles of matmul-matrix, within an adapter's workgroup memory.

/** Shape of the matrices an adapter multiplies, f16 to f32: left [M, K], right [K, N]. */
export interface MatrixShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Those of most products at a time. Smaller shapes are parts of them: the same hardware, with more loads for a product. */
export function largestShapes(shapes: readonly MatrixShape[]): MatrixShape[] {
  const volume = ({ M, N, K }: MatrixShape): number => M * N * K;
  const largest = Math.max(...shapes.map(volume));
  return shapes.filter((shape) => volume(shape) === largest);
}

/** What a workgroup computes at a time. */
export interface MatrixTile {
  /** Subgroups down and across. */
  readonly subgroups: readonly [number, number];
  /** Matrices each subgroup owns, down and across; across an even number. */
  readonly matrices: readonly [number, number];
  /** Values of K staged at a time; a multiple of the shape's K and of 4. */
  readonly step: number;
  /** Steps in workgroup memory: of two, one is written while the other is multiplied, with one barrier a step instead of two. */
  readonly stages: 1 | 2;
}

/** Rows and columns of C that a workgroup owns. */
export function matrixTileSize(shape: MatrixShape, tile: MatrixTile): readonly [number, number] {
  return [
    shape.M * tile.subgroups[0] * tile.matrices[0],
    shape.N * tile.subgroups[1] * tile.matrices[1],
  ];
}

/** Bytes of workgroup memory. */
export function matrixTileBytes(shape: MatrixShape, tile: MatrixTile): number {
  const [rows, columns] = matrixTileSize(shape, tile);
  const subgroups = tile.subgroups[0] * tile.subgroups[1];
  // At most: the tiles with their margins, and a patch per subgroup.
  const margins = 8 * MARGIN * (Math.max(tile.step, rows) + Math.max(tile.step, columns));
  const patches = 4 * subgroups * shape.M * patchWidth(tile) * shape.N;
  return tile.stages * (2 * tile.step * (rows + columns) + margins) + patches;
}

/** vec4s between the rows of a staged tile, so that they fall into different banks. */
export const MARGIN = 2;

/** Result matrices, side by side, that a subgroup puts into its patch at a time. */
export const patchWidth = ({ subgroups: [down, across] }: MatrixTile): number =>
  down * across > 4 ? 1 : 2;
