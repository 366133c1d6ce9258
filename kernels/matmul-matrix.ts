// matmul-matrix — C = op(A) op(B) on subgroup matrices (tensor cores): f16 operands, f32 sums.
// a: [M, K], "TN" [K, M]   b: [K, N], "NT" [N, K]   c, pre: [M, N]   bias: [N]; N % 4 = 0, K % 4 = 0, "TN" M % 4 = 0.
// Mapping: a workgroup of ROWS x COLUMNS subgroups; each owns `rows` x `columns` matrices of C. Operands are rounded to f16
// on the way into workgroup memory, where they keep the order they have in a and b: a transposed one is loaded column-major.
// A result matrix has no element access, so the epilogue goes through a patch of workgroup memory. Blocks past the edges are
// read at clamped addresses and not stored, past K as zeros. With `split` above 1, workgroup z adds its share of K and c is
// [split, M, N], for matmul-split to add up. Matrices must stay in registers, so nothing indexes them by a
// variable: this kernel is written out. Feature: chromium-experimental-subgroup-matrix.
import { defineKernel, madeOnce } from "./kernel.ts";
import { MATMUL_ENTRIES, MATMUL_PARAMS, type MatmulKernel } from "./matmul.ts";

/** Shape of the matrices an adapter multiplies, f16 to f32: left [M, K], right [K, N]. */
export interface MatrixShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What a workgroup computes at a time. */
export interface MatrixTile {
  /** Subgroups down and across. */
  readonly subgroups: readonly [number, number];
  /** Matrices each subgroup owns, down and across. */
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
  const margin = 8 * MARGIN * Math.max(tile.step, rows, columns);
  return 2 * tile.step * (rows + columns) + 2 * margin + 4 * subgroups * shape.M * shape.N;
}

/** vec4s between the rows of a staged tile, so that they fall into different banks. */
const MARGIN = 2;

const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("\n");

function source(
  layout: "NN" | "NT" | "TN",
  shape: MatrixShape,
  tile: MatrixTile,
  lanes: number,
  split: number,
): string {
  const [tileM, tileN] = matrixTileSize(shape, tile);
  const [down, across] = tile.subgroups;
  const [rows, columns] = tile.matrices;
  const threads = down * across * lanes;
  const step4 = tile.step / 4;
  const { M, N, K } = shape;
  /** A tile as it lies in memory: `outer` rows of `inner` vec4s. */
  const staged = (inner: number, outer: number) => ({ inner, outer, stride: inner + MARGIN });
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
          inside: "start + o / 4u < end",
          at: `(4u * start + o) * (params.M / 4u) + min(group.y * ${tileM / 4}u + i, params.M / 4u - 1u)`,
        }
      : {
          inside: "start + i < end",
          at: `min(group.y * ${tileM}u + o, params.M - 1u) * k4 + start + i`,
        };
  const valueB =
    layout === "NT"
      ? {
          inside: "start + i < end",
          at: `min(group.x * ${tileN}u + o, params.N - 1u) * k4 + start + i`,
        }
      : {
          inside: "start + o / 4u < end",
          at: `(4u * start + o) * n4 + min(group.x * ${tileN / 4}u + i, n4 - 1u)`,
        };
  const stage = (
    name: string,
    { inner, outer, stride }: { inner: number; outer: number; stride: number },
    { inside, at }: { inside: string; at: string },
  ): string => `
    for (var f = thread; f < ${inner * outer}u; f += ${threads}u) {
      let o = f / ${inner}u;
      let i = f % ${inner}u;
      var value = vec4f();
      if (${inside}) {
        value = ${name}[${at}];
      }
      tile_${name}[o * ${stride}u + i] = vec4h(value);
    }`;
  const body = `
  let k4 = params.K / 4u;
  let n4 = params.N / 4u;
  let share = (k4 + ${step4 * split - 1}u) / ${step4 * split}u * ${step4}u;
  let end = min(k4, (group.z + 1u) * share);
  let down = subgroup / ${across}u;
  let across = subgroup % ${across}u;
  ${lines(rows * columns, (c) => `var c${c}: subgroup_matrix_result<f32, ${N}, ${M}>;`)}
  for (var start = group.z * share; start < end; start += ${step4}u) {${stage("a", a, valueA)}${stage("b", b, valueB)}
    workgroupBarrier(); // tiles written
    ${lines(
      tile.step / K,
      (k) => `{
    ${lines(rows, (i) => `let l${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${K}, ${M}>, ${majorA}>(&tile_a, ${atA(i, k)}, ${a.stride}u);`)}
    ${lines(
      columns,
      (
        j,
      ) => `{ let r = subgroupMatrixLoad<subgroup_matrix_right<f16, ${N}, ${K}>, ${majorB}>(&tile_b, ${atB(j, k)}, ${b.stride}u);
      ${lines(rows, (i) => `c${i * columns + j} = subgroupMatrixMultiplyAccumulate(l${i}, r, c${i * columns + j});`)} }`,
    )}
    }`,
    )}
    workgroupBarrier(); // tiles read before the next step overwrites them
  }`;
  const store = (value: string): string =>
    lines(
      rows * columns,
      (c) => `
  subgroupMatrixStore<row_major>(&patch_of, subgroup * ${M * N}u, c${c}, ${N}u);
  workgroupBarrier(); // patch written
  for (var f = lane; f < ${(M * N) / 4}u; f += ${lanes}u) {
    let row = group.y * ${tileM}u + down * ${rows * M}u + ${Math.floor(c / columns) * M}u + f / ${N / 4}u;
    let column = group.x * ${tileN / 4}u + across * ${(columns * N) / 4}u + ${((c % columns) * N) / 4}u + f % ${N / 4}u;
    if (row < params.M && column < n4) {
      let at = subgroup * ${M * N}u + 4u * f;
      let sum = vec4f(patch_of[at], patch_of[at + 1u], patch_of[at + 2u], patch_of[at + 3u]);
      let i = (group.z * params.M + row) * n4 + column;
      ${value}
    }
  }
  workgroupBarrier(); // patch read before the next matrix overwrites it`,
    );
  const entry = (name: string, value: string): string => `
@compute @workgroup_size(${threads})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {${body}
${store(value)}
}`;
  return `
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;
var<workgroup> tile_a: array<vec4h, ${a.outer * a.stride}>;
var<workgroup> tile_b: array<vec4h, ${b.outer * b.stride}>;
var<workgroup> patch_of: array<f32, ${down * across * M * N}>;
${entry("product", "if (ACCUMULATE) { c[i] += sum; } else { c[i] = sum; }")}
${entry("linear", "c[i] = activate(sum + bias[column]);")}
${entry("linearKeep", "let v = sum + bias[column]; pre[i] = v; c[i] = activate(v);")}
`;
}

const once = madeOnce<MatmulKernel>();

/**
 * The kernel of one layout for an adapter's matrix shape and subgroups of exactly `lanes` lanes. Above 1, `split` workgroups
 * share K.
 */
export function matmulMatrix(
  layout: "NN" | "NT" | "TN",
  shape: MatrixShape,
  tile: MatrixTile,
  lanes: number,
  split = 1,
): MatmulKernel {
  const sizes = [
    shape.M,
    shape.N,
    shape.K,
    ...tile.subgroups,
    ...tile.matrices,
    tile.step,
    lanes,
    split,
  ];
  const name = `matmul-matrix-${layout}-${sizes.join("-")}`;
  return once(name, () =>
    defineKernel(name, {
      files: ["./shared/quad.wgsl", "./shared/activation.wgsl"],
      generated: source(layout, shape, tile, lanes, split),
      params: MATMUL_PARAMS,
      constants: { ACCUMULATE: false, ACTIVATION: 0 },
      entries: MATMUL_ENTRIES,
      enables: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
    }),
  );
}
