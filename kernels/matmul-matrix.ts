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
import {
  MARGIN,
  type MatrixShape,
  type MatrixTile,
  matrixTileSize,
  patchWidth,
} from "./matmul-matrix-tile.ts";
import { byLanes, MATRIX_ENABLES, matrixEntry } from "./matrix-entry.ts";

/** A tile as it lies in memory: `outer` rows of `inner` vec4s, `stride` apart. */
interface Staged {
  readonly inner: number;
  readonly outer: number;
  readonly stride: number;
}

/** How a tile's vec4s lie in an operand: WGSL for the thread's own, of `row_` and `column_` in the tile. */
interface InMemory {
  /** Index of the first. */
  readonly first: string;
  /** Between the same vec4 of one step and the next. */
  readonly hop: string;
  /** Between the first and one `down` rows and `right` vec4s beyond it. */
  beyond(down: number, right: number): string;
  /** Quads of K between the step's begin and that one. */
  k4(down: number, right: number): string;
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
  const patch = patchWidth(tile);
  const staged = (inner: number, outer: number): Staged => ({
    inner,
    outer,
    stride: inner + MARGIN,
  });
  const a = layout === "TN" ? staged(tileM / 4, tile.step) : staged(step4, tileM);
  const b = layout === "NT" ? staged(step4, tileN) : staged(tileN / 4, tile.step);
  const majorA = layout === "TN" ? "col_major" : "row_major";
  const majorB = layout === "NT" ? "col_major" : "row_major";
  const vec4sOf = ({ outer, stride }: Staged): number => outer * stride;
  /** Where the stage begins that is `ahead` of the one being multiplied. */
  const stageAt = (ahead: number, of: Staged): string =>
    tile.stages === 1 ? "0u" : `((turn + ${ahead}u) % 2u) * ${vec4sOf(of)}u`;
  const atA = (i: number, k: number): string => {
    const row = `(down * ${rows * M}u + ${i * M}u)`;
    return layout === "TN"
      ? `from_a + ${k * K * a.stride}u + ${row} / 4u`
      : `from_a + ${row} * ${a.stride}u + ${(k * K) / 4}u`;
  };
  const atB = (j: number, k: number): string => {
    const column = `(across * ${columns * N}u + ${j * N}u)`;
    return layout === "NT"
      ? `from_b + ${column} * ${b.stride}u + ${(k * K) / 4}u`
      : `from_b + ${k * K * b.stride}u + ${column} / 4u`;
  };
  // Rows and columns past the edges are read as they come, from other rows or, past the buffer, as WebGPU bounds them.
  const inMemory = (kMajor: boolean, name: string, size: string, from: string): InMemory =>
    kMajor
      ? {
          first: `(4u * begin + row_${name}) * (${size} / 4u) + ${from} / 4u + column_${name}`,
          hop: `${tile.step}u * (${size} / 4u)`,
          beyond: (down, right) => `(${down}u * (${size} / 4u) + ${right}u)`,
          k4: (down) => `(row_${name} + ${down}u) / 4u`,
        }
      : {
          first: `(${from} + row_${name}) * k4 + begin + column_${name}`,
          hop: `${step4}u`,
          beyond: (down, right) => `(${down}u * k4 + ${right}u)`,
          k4: (_down, right) => `column_${name} + ${right}u`,
        };
  const inA = inMemory(layout === "TN", "a", "params.M", `group.y * ${tileM}u`);
  const inB = inMemory(layout !== "NT", "b", "params.N", `group.x * ${tileN}u`);
  /** A line for each vec4 of a tile that a thread takes: the n-th lies `down` rows and `right` vec4s beyond its first. */
  const each = (
    { inner, outer }: Staged,
    line: (n: number, down: number, right: number) => string,
  ): string =>
    times(Math.ceil((inner * outer) / threads), (n) => {
      const whole = (n + 1) * threads <= inner * outer;
      const guard = whole ? "" : `if (thread + ${n * threads}u < ${inner * outer}u) `;
      const [down, right] = [Math.floor((n * threads) / inner), (n * threads) % inner];
      return `${guard}{ ${line(n, down, right)} }`;
    });
  const first = (name: string, { inner }: Staged, of: InMemory): string => `
  let row_${name} = thread / ${inner}u;
  let column_${name} = thread % ${inner}u;
  var at_${name} = ${of.first};`;
  const loads = (name: string, tile: Staged, of: InMemory, end?: string): string =>
    each(tile, (n, down, right) => {
      const load = `next_${name}${n} = ${name}[at_${name} + ${of.beyond(down, right)}];`;
      if (end === undefined) return load;
      return `next_${name}${n} = vec4<${operands}>(); if (${of.k4(down, right)} < ${end}) { ${load} }`;
    });
  // Past K zeros are staged: the check of each load costs as much as the load, and only the last step needs it.
  const read = (at: string): string => `
    if (${at} + ${step4}u <= end) {
    ${loads("a", a, inA)}
    ${loads("b", b, inB)}
    } else {
    let left = end - min(${at}, end);
    ${loads("a", a, inA, "left")}
    ${loads("b", b, inB, "left")}
    }`;
  const stage = (name: string, tile: Staged, at: string): string =>
    each(
      tile,
      (n, down, right) =>
        `tile_${name}[${at} + row_${name} * ${tile.stride}u + column_${name} + ${down * tile.stride + right}u] = vec4h(next_${name}${n});`,
    );
  const next = (name: string, { inner, outer }: Staged): string =>
    times(Math.ceil((inner * outer) / threads), (n) => `var next_${name}${n}: vec4<${operands}>;`);
  const body = `
  let k4 = params.K / 4u;
  let n4 = params.N / 4u;
  let share = (k4 + ${step4 * split - 1}u) / ${step4 * split}u * ${step4}u;
  let end = min(k4, (group.z + 1u) * share);
  let begin = group.z * share;
  let down = min(subgroup / ${across}u, ${down - 1}u);
  let across = subgroup % ${across}u;
  ${times(rows * columns, (c) => `var c${c} = subgroup_matrix_result<f32, ${N}, ${M}>();`)}
  ${next("a", a)}
  ${next("b", b)}
  ${first("a", a, inA)}
  ${first("b", b, inB)}
  ${read("begin")}
  ${stage("a", a, "0u")}
  ${stage("b", b, "0u")}
  workgroupBarrier(); // the first step staged
  var turn = 0u;
  for (var start = begin; start < end; start += ${step4}u) {
    let from_a = ${stageAt(0, a)};
    let from_b = ${stageAt(0, b)};
    at_a += ${inA.hop};
    at_b += ${inB.hop};
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
    ${stage("a", a, stageAt(1, a))}
    ${stage("b", b, stageAt(1, b))}
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
var<workgroup> tile_a: array<vec4h, ${tile.stages * vec4sOf(a)}>;
var<workgroup> tile_b: array<vec4h, ${tile.stages * vec4sOf(b)}>;
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
