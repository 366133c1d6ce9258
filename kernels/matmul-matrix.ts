// matmul-matrix — C = op(A) op(B) on subgroup matrices (tensor cores): f16 operands, f32 sums.
// a: [M, K], "TN" [K, M]   b: [K, N], "NT" [N, K]   c, pre: [M, N]   bias: [N]; N % 4 = 0, K % 4 = 0, "TN" M % 4 = 0.
// Mapping: a workgroup of ROWS x COLUMNS subgroups; each owns `rows` x `columns` matrices of C. a and b hold `operands`, f32 or
// f16. They are f16 in workgroup memory, where they keep the order they have in a and b: a transposed one is loaded
// column-major. The threads read the blocks of the next step while they multiply. A result matrix has no element access, so
// the epilogue goes through a patch of workgroup memory, two matrices wide. Blocks past the edges are read at clamped
// addresses and not stored, past K as zeros. With `split` above 1, workgroup z adds its share of K and c is
// [split, M, N], for matmul-split to add up. Matrices must stay in registers, so nothing indexes them by a
// variable: this kernel is written out. Feature: chromium-experimental-subgroup-matrix.
import { defineKernel, type ElementType, madeOnce, times } from "./kernel.ts";
import { type Layout, MATMUL_ENTRIES, MATMUL_PARAMS, type MatmulKernel } from "./matmul.ts";

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
  const patches = 4 * subgroups * shape.M * PATCH * shape.N;
  return 2 * tile.step * (rows + columns) + margins + patches;
}

/** vec4s between the rows of a staged tile, so that they fall into different banks. */
const MARGIN = 2;

/** Result matrices, side by side, that a subgroup puts into its patch at a time. */
const PATCH = 2;

/** A tile as it lies in memory: `outer` rows of `inner` vec4s, `stride` apart. */
interface Staged {
  readonly inner: number;
  readonly outer: number;
  readonly stride: number;
}

function source(
  layout: Layout,
  shape: MatrixShape,
  tile: MatrixTile,
  lanes: number,
  split: number,
  operands: ElementType,
): string {
  const [tileM, tileN] = matrixTileSize(shape, tile);
  const [down, across] = tile.subgroups;
  const [rows, columns] = tile.matrices;
  const threads = down * across * lanes;
  const step4 = tile.step / 4;
  const { M, N, K } = shape;
  const staged = (inner: number, outer: number): Staged => ({
    inner,
    outer,
    stride: inner + MARGIN,
  });
  const a = layout === "TN" ? staged(tileM / 4, tile.step) : staged(step4, tileM);
  const b = layout === "NT" ? staged(step4, tileN) : staged(tileN / 4, tile.step);
  const majorA = layout === "TN" ? "col_major" : "row_major";
  const majorB = layout === "NT" ? "col_major" : "row_major";
  const atA = (i: number, k: number): string => {
    const row = `(down * ${rows * M}u + ${i * M}u)`;
    return layout === "TN"
      ? `${k * K * a.stride}u + ${row} / 4u`
      : `${row} * ${a.stride}u + ${(k * K) / 4}u`;
  };
  const atB = (j: number, k: number): string => {
    const column = `(across * ${columns * N}u + ${j * N}u)`;
    return layout === "NT"
      ? `${column} * ${b.stride}u + ${(k * K) / 4}u`
      : `${k * K * b.stride}u + ${column} / 4u`;
  };
  const valueA =
    layout === "TN"
      ? {
          inside: "begin + o / 4u < end",
          at: `(4u * begin + o) * (params.M / 4u) + min(group.y * ${tileM / 4}u + i, params.M / 4u - 1u)`,
        }
      : {
          inside: "begin + i < end",
          at: `min(group.y * ${tileM}u + o, params.M - 1u) * k4 + begin + i`,
        };
  const valueB =
    layout === "NT"
      ? {
          inside: "begin + i < end",
          at: `min(group.x * ${tileN}u + o, params.N - 1u) * k4 + begin + i`,
        }
      : {
          inside: "begin + o / 4u < end",
          at: `(4u * begin + o) * n4 + min(group.x * ${tileN / 4}u + i, n4 - 1u)`,
        };
  /** A line for each vec4 of a tile that a thread takes: the n-th, of row `o`, at `i`. */
  const each = ({ inner, outer }: Staged, line: (n: number) => string): string =>
    times(Math.ceil((inner * outer) / threads), (n) => {
      const whole = (n + 1) * threads <= inner * outer;
      return `{ let f = thread + ${n * threads}u; let o = f / ${inner}u; let i = f % ${inner}u;
      ${whole ? "" : `if (f < ${inner * outer}u) `}{ ${line(n)} } }`;
    });
  const read = (at: string): string => `{
    let begin = ${at};
    ${each(a, (n) => `next_a${n} = vec4<${operands}>(); if (${valueA.inside}) { next_a${n} = a[${valueA.at}]; }`)}
    ${each(b, (n) => `next_b${n} = vec4<${operands}>(); if (${valueB.inside}) { next_b${n} = b[${valueB.at}]; }`)}
  }`;
  const next = (name: string, { inner, outer }: Staged): string =>
    times(Math.ceil((inner * outer) / threads), (n) => `var next_${name}${n}: vec4<${operands}>;`);
  const body = `
  let k4 = params.K / 4u;
  let n4 = params.N / 4u;
  let share = (k4 + ${step4 * split - 1}u) / ${step4 * split}u * ${step4}u;
  let end = min(k4, (group.z + 1u) * share);
  let down = subgroup / ${across}u;
  let across = subgroup % ${across}u;
  ${times(rows * columns, (c) => `var c${c} = subgroup_matrix_result<f32, ${N}, ${M}>();`)}
  ${next("a", a)}
  ${next("b", b)}
  ${read("group.z * share")}
  for (var start = group.z * share; start < end; start += ${step4}u) {
    ${each(a, (n) => `tile_a[o * ${a.stride}u + i] = vec4h(next_a${n});`)}
    ${each(b, (n) => `tile_b[o * ${b.stride}u + i] = vec4h(next_b${n});`)}
    workgroupBarrier(); // tiles written
    ${read(`start + ${step4}u`)} // on its way while this step is multiplied
    ${times(
      tile.step / K,
      (k) => `{
    ${times(rows, (i) => `let l${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${K}, ${M}>, ${majorA}>(&tile_a, ${atA(i, k)}, ${a.stride}u);`)}
    ${times(
      columns,
      (
        j,
      ) => `{ let r = subgroupMatrixLoad<subgroup_matrix_right<f16, ${N}, ${K}>, ${majorB}>(&tile_b, ${atB(j, k)}, ${b.stride}u);
      ${times(rows, (i) => `c${i * columns + j} = subgroupMatrixMultiplyAccumulate(l${i}, r, c${i * columns + j});`)} }`,
    )}
    }`,
    )}
    workgroupBarrier(); // tiles read before the next step overwrites them
  }`;
  const [patchN, patch4] = [PATCH * N, (PATCH * N) / 4];
  const store = (value: string): string =>
    times((rows * columns) / PATCH, (p) => {
      const [i, j] = [Math.floor((p * PATCH) / columns), (p * PATCH) % columns];
      return `
  ${times(PATCH, (q) => `subgroupMatrixStore<row_major>(&patch_of, subgroup * ${M * patchN}u + ${q * N}u, c${i * columns + j + q}, ${patchN}u);`)}
  workgroupBarrier(); // patch written
  for (var f = lane; f < ${M * patch4}u; f += ${lanes}u) {
    let row = group.y * ${tileM}u + down * ${rows * M}u + ${i * M}u + f / ${patch4}u;
    let column = group.x * ${tileN / 4}u + across * ${(columns * N) / 4}u + ${(j * N) / 4}u + f % ${patch4}u;
    if (row < params.M && column < n4) {
      let at = subgroup * ${M * patchN}u + 4u * f;
      let sum = vec4f(patch_of[at], patch_of[at + 1u], patch_of[at + 2u], patch_of[at + 3u]);
      let i = (group.z * params.M + row) * n4 + column;
      ${value}
    }
  }
  workgroupBarrier(); // patch read before the next matrices overwrite it`;
    });
  const entry = (name: string, value: string): string => `
@compute @workgroup_size(${threads})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {${body}
${store(value)}
}`;
  return `
@group(0) @binding(0) var<storage, read> a: array<vec4<${operands}>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<${operands}>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;
var<workgroup> tile_a: array<vec4h, ${a.outer * a.stride}>;
var<workgroup> tile_b: array<vec4h, ${b.outer * b.stride}>;
var<workgroup> patch_of: array<f32, ${down * across * M * patchN}>;
${entry("product", "if (ACCUMULATE) { c[i] += sum; } else { c[i] = sum; }")}
${entry("linear", "c[i] = activate(sum + bias[column]);")}
${entry("linearKeep", "let v = sum + bias[column]; pre[i] = v; c[i] = activate(v);")}
`;
}

const once = madeOnce<MatmulKernel>();

/**
 * The kernel of one layout for an adapter's matrix shape and subgroups of exactly `lanes` lanes, and operands of an element
 * type. Above 1, `split` workgroups share K.
 */
export function matmulMatrix(
  layout: Layout,
  shape: MatrixShape,
  tile: MatrixTile,
  lanes: number,
  split = 1,
  operands: ElementType = "f32",
): MatmulKernel {
  const { M, N, K } = shape;
  const sizes = [M, N, K, ...tile.subgroups, ...tile.matrices, tile.step, lanes, split, operands];
  const name = `matmul-matrix-${layout}-${sizes.join("-")}`;
  return once(name, () =>
    defineKernel(name, {
      files: ["./shared/quad.wgsl", "./shared/activation.wgsl"],
      generated: source(layout, shape, tile, lanes, split, operands),
      params: MATMUL_PARAMS,
      constants: { ACCUMULATE: false, ACTIVATION: 0 },
      entries: MATMUL_ENTRIES,
      enables: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
    }),
  );
}
