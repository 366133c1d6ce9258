// matmul-matrix — C = op(A) op(B) on subgroup matrices (tensor cores): f16 operands, f32 sums.
// a: [M, K], "TN" [K, M]   b: [K, N], "NT" [N, K]   c, pre: [M, N]   bias: [N]; N % 4 = 0, K % 4 = 0, "TN" M % 4 = 0.
// Mapping: a workgroup of ROWS x COLUMNS subgroups; each owns `rows` x `columns` matrices of C. a and b hold `operands`, f32 or
// f16. They are f16 in workgroup memory, where they keep the order they have in a and b: a transposed one is loaded
// column-major. The threads read the blocks of the next step while they multiply, and stage them beside this one's where there
// is room. Blocks past the edges are read as they come and not stored, past K as zeros. A result matrix has no element access,
// so an epilogue goes through a patch of workgroup memory; matrices that are stored as they are, and whole, do not. With
// `split` above 1, workgroup z adds its share of K and c is [split, M, N], for matmul-split to add up. Matrices must stay in
// registers, so nothing indexes them by a variable: this kernel is written out.
// Feature: chromium-experimental-subgroup-matrix.
import { defineKernel, type ElementType, madeOnce, times } from "./kernel.ts";
import { type Layout, MATMUL_ENTRIES, MATMUL_PARAMS, type MatmulKernel } from "./matmul.ts";
import { matrixOperand, type Operand } from "./matmul-matrix-operand.ts";
import {
  type MatrixShape,
  type MatrixTile,
  matrixTileSize,
  patchWidth,
} from "./matmul-matrix-tile.ts";
import { byLanes, MATRIX_ENABLES, matrixEntry } from "./matrix-entry.ts";

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
  const patch = patchWidth(tile);
  const shared = { step: tile.step, stages: tile.stages, threads, elements: operands };
  const a = matrixOperand({
    name: "a",
    kMajor: layout === "TN",
    size: "params.M",
    from: `group.y * ${tileM}u`,
    width: tileM,
    ...shared,
  });
  const b = matrixOperand({
    name: "b",
    kMajor: layout !== "NT",
    size: "params.N",
    from: `group.x * ${tileN}u`,
    width: tileN,
    ...shared,
  });
  const both = (line: (of: Operand) => string): string => `${line(a)}\n  ${line(b)}`;
  const majorA = layout === "TN" ? "col_major" : "row_major";
  const majorB = layout === "NT" ? "col_major" : "row_major";
  const atA = (i: number, k: number): string => a.at(`(down * ${rows * M}u + ${i * M}u)`, k * K);
  const atB = (j: number, k: number): string =>
    b.at(`(across * ${columns * N}u + ${j * N}u)`, k * K);
  // Past K zeros are staged: the check of each load costs as much as the load, and only the last step needs it.
  const read = (at: string): string => `
    if (${at} + ${step4}u <= end) {
    ${both((of) => of.read())}
    } else {
    let left = end - min(${at}, end);
    ${both((of) => of.read("left"))}
    }`;
  const body = `
  let k4 = params.K / 4u;
  let n4 = params.N / 4u;
  let share = (k4 + ${step4 * split - 1}u) / ${step4 * split}u * ${step4}u;
  let end = min(k4, (group.z + 1u) * share);
  let begin = group.z * share;
  let down = min(subgroup / ${across}u, ${down - 1}u);
  let across = subgroup % ${across}u;
  ${times(rows * columns, (c) => `var c${c} = subgroup_matrix_result<f32, ${N}, ${M}>();`)}
  ${both((of) => of.registers)}
  ${both((of) => of.place)}
  ${read("begin")}
  ${both((of) => of.stage("first"))}
  workgroupBarrier(); // the first step staged
  var turn = 0u;
  for (var start = begin; start < end; start += ${step4}u) {
    ${both((of) => of.from)}
    ${both((of) => of.hop)}
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
    ${tile.stages === 1 ? "workgroupBarrier(); // this step read" : ""}
    ${both((of) => of.stage("next"))}
    workgroupBarrier(); // the next step staged
    turn++;
  }`;
  const patch4 = (patch * N) / 4;
  const byPatches = (value: string): string =>
    times((rows * columns) / patch, (p) => {
      const [i, j] = [Math.floor((p * patch) / columns), (p * patch) % columns];
      return `
  ${times(patch, (q) => `subgroupMatrixStore<row_major>(&patch_of, subgroup * ${M * patch4}u + ${(q * N) / 4}u, c${i * columns + j + q}, ${patch4}u);`)}
  workgroupBarrier(); // patch written
  ${byLanes(
    "at",
    M * patch4,
    lanes,
    `let row = first_row + ${i * M}u + at / ${patch4}u;
    let column = first_column + ${(j * N) / 4}u + at % ${patch4}u;
    if (row < params.M && column < n4) {
      let sum = patch_of[subgroup * ${M * patch4}u + at];
      let i = (group.z * params.M + row) * n4 + column;
      ${value}
    }`,
  )}
  workgroupBarrier(); // patch read before the next matrices overwrite it`;
    });
  /** Matrices straight to c, where all of the workgroup's lie within it. */
  const whole = times(rows, (i) =>
    times(
      columns,
      (j) =>
        `subgroupMatrixStore<row_major>(&c, (group.z * params.M + first_row + ${i * M}u) * n4 + first_column + ${(j * N) / 4}u, c${i * columns + j}, n4);`,
    ),
  );
  const entry = (name: string, store: string): string =>
    matrixEntry(
      name,
      down * across,
      lanes,
      `${body}
  let first_row = group.y * ${tileM}u + down * ${rows * M}u;
  let first_column = group.x * ${tileN / 4}u + across * ${(columns * N) / 4}u;
${store}`,
    );
  const product = `
  if (!ACCUMULATE && group.y * ${tileM}u + ${tileM}u <= params.M && group.x * ${tileN / 4}u + ${tileN / 4}u <= n4) {
    ${whole}
    return; // the whole workgroup returns
  }
  ${byPatches("if (ACCUMULATE) { c[i] += sum; } else { c[i] = sum; }")}`;
  return `
@group(0) @binding(0) var<storage, read> a: array<vec4<${operands}>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<${operands}>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;
${both((of) => of.memory)}
var<workgroup> patch_of: array<vec4f, ${down * across * M * patch4}>;
${entry("product", product)}
${entry("linear", byPatches("c[i] = activate(sum + bias[column]);"))}
${entry("linearKeep", byPatches("let v = sum + bias[column]; pre[i] = v; c[i] = activate(v);"))}
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
  const sizes = [
    M,
    N,
    K,
    ...tile.subgroups,
    ...tile.matrices,
    tile.step,
    tile.stages,
    lanes,
    split,
    operands,
  ];
  const name = `matmul-matrix-${layout}-${sizes.join("-")}`;
  return once(name, () =>
    defineKernel(name, {
      files: ["./shared/quad.wgsl", "./shared/activation.wgsl"],
      generated: source(layout, shape, tile, lanes, split, operands),
      params: MATMUL_PARAMS,
      constants: { ACCUMULATE: false, ACTIVATION: 0 },
      entries: MATMUL_ENTRIES,
      enables: MATRIX_ENABLES,
      lanes,
    }),
  );
}
