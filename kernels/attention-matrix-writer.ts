// The parts that attention-matrix's entries are made of. Matrices must stay in registers, so nothing may index them by a
// variable: all is written out.
import {
  BLOCK,
  type Entry,
  KEEPS,
  type MatrixDivision,
  PATCH_STRIDE,
  QUADS,
  tileStride,
  WEIGHTS_STRIDE,
} from "./attention-matrix-division.ts";
import { times } from "./kernel.ts";
import type { MatrixShape } from "./matmul-matrix-tile.ts";
import { byLanes, matrixEntry } from "./matrix-entry.ts";

/** The vec4 at column `d4` of a row. */
type Quad = (row: string, d4: string) => string;

/** vec4s of each tile that a thread reads before it writes the first. */
const BATCH = 4;

/** The text of an entry, and what its parts are made of. */
export function writer(
  name: Entry,
  D: number,
  { M, N, K }: MatrixShape,
  lanes: number,
  { own, subgroups }: MatrixDivision,
) {
  const [rows, D4, stride] = [own / M, D / 4, tileStride(D)];
  const result = `subgroup_matrix_result<f32, ${N}, ${M}>`;
  const row = (i: number): string => `(subgroup * ${own}u + ${i * M}u)`;
  const left = (weights: string, i: number, k: number): string =>
    `subgroupMatrixLoad<subgroup_matrix_left<f16, ${K}, ${M}>, row_major>(&${name}_${weights}, ${row(i)} * ${WEIGHTS_STRIDE}u + ${(k * K) / 4}u, ${WEIGHTS_STRIDE}u)`;
  const right = (tile: string, major: "row" | "col", at: number): string =>
    `subgroupMatrixLoad<subgroup_matrix_right<f16, ${N}, ${K}>, ${major}_major>(&${name}_${tile}, ${at}u, ${stride}u)`;
  const inPatch = (i: number, j: number): string =>
    `${row(i)} * ${PATCH_STRIDE}u + ${((j * N) % BLOCK) / 4}u`;
  /** A line for each matrix across that lies in chunk c of the columns. */
  const across = (c: number, size: number, line: (j: number) => string): string =>
    times(D / size, (j) => (Math.floor((j * size) / BLOCK) === c ? line(j) : ""));
  const chunks = (body: (c: number) => string): string => times(Math.ceil(D / BLOCK), body);
  const each = (f: string, count: number, body: string): string => byLanes(f, count, lanes, body);
  /** Runs the body for each vec4 of a subgroup's [own, BLOCK]: column c of row r, which is the subgroups' `slot`. */
  const eachQuad = (body: string): string =>
    each(
      "f",
      own * QUADS,
      `let r = f / ${QUADS}u;
    let c = f % ${QUADS}u;
    let slot = subgroup * ${own}u + r;
    ${body}`,
    );
  const threads = subgroups * lanes;
  const staged = BLOCK * D4;
  const batch = Math.min(BATCH, Math.ceil(staged / threads));
  const whole = staged % (batch * threads) === 0;
  /** Writes a block of the other side to the tiles, in batches whose reads are on their way together. Rows beyond are zeros. */
  const stage = (...tiles: readonly Quad[]): string => {
    const read = (n: number, row: string, value: (quad: string) => string): string =>
      tiles.map((quad, t) => `quad${n}_${t} = ${value(quad(row, `d${n}`))};`).join("\n");
    return `
    for (var turn = 0u; turn < ${Math.ceil(staged / (batch * threads))}u; turn++) {
      ${times(
        batch,
        (n) => `let f${n} = thread + (turn * ${batch}u + ${n}u) * ${threads}u;
      let j${n} = ${whole ? `min(f${n} / ${D4}u, ${BLOCK - 1}u)` : `f${n} / ${D4}u`};
      let d${n} = f${n} % ${D4}u;
      ${tiles.map((_, t) => `var quad${n}_${t}: vec4f;`).join("\n")}`,
      )}
      if (first + ${BLOCK}u <= row.y) {
        ${times(batch, (n) => read(n, `(row.x + first + j${n})`, (quad) => quad))}
      } else {
        ${times(batch, (n) => read(n, `(row.x + min(first + j${n}, row.y - 1u))`, (quad) => `select(vec4f(), ${quad}, first + j${n} < row.y)`))}
      }
      ${times(
        batch,
        (n) => `${whole ? "" : `if (j${n} < ${BLOCK}u) `}{
        ${tiles.map((_, t) => `${name}_tile_${t + 1}[j${n} * ${stride}u + d${n}] = vec4h(quad${n}_${t});`).join("\n")}
      }`,
      )}
    }`;
  };
  const put = (patch: string, sum: string, c: number): string =>
    times(rows, (i) =>
      across(
        c,
        N,
        (j) =>
          `subgroupMatrixStore<row_major>(&${name}_${patch}, ${inPatch(i, j)}, ${sum}${i}_${j}, ${PATCH_STRIDE}u);`,
      ),
    );
  return {
    /** `memory`: what else the entry keeps there. */
    entry: (memory: string, body: string): string => `
var<workgroup> ${name}_tile_1: array<vec4h, ${BLOCK * stride}>;
var<workgroup> ${name}_tile_2: array<vec4h, ${BLOCK * stride}>;
${times(KEEPS[name].patches, (n) => `var<workgroup> ${name}_patch_${n + 1}: array<vec4f, ${subgroups * own * PATCH_STRIDE}>;`)}
${times(KEEPS[name].weights, (n) => `var<workgroup> ${name}_weights_${n + 1}: array<vec4h, ${subgroups * own * WEIGHTS_STRIDE}>;`)}
${memory}
${matrixEntry(
  name,
  subgroups,
  lanes,
  `  let row = rows[group.z];
  if (group.x * ${subgroups * own}u >= row.z) {
    return; // the whole workgroup returns
  }
  let head = group.y;
  let scale = params.scale * ${Math.LOG2E}; // scores are powers of 2, which is how GPUs compute exp
  let first_own = group.x * ${subgroups * own}u + subgroup * ${own}u;
${body}`,
)}`,
    /** f32 numbers by own row. */
    numbers: (...names: string[]): string =>
      names.map((it) => `var<workgroup> ${name}_${it}: array<f32, ${subgroups * own}>;`).join("\n"),
    /** Lane by lane, runs the body for each own row r, the subgroups' `slot`. */
    eachRow: (body: string): string => each("r", own, `let slot = subgroup * ${own}u + r; ${body}`),
    eachQuad,
    /** Operands of the own rows, by way of weights_1. Rows that are not real count as zeros. */
    operands: (operand: string, quad: Quad): string =>
      chunks(
        (c) => `${eachQuad(`var quad = vec4f();
    let d4 = c + ${c * QUADS}u;
    let own = row.x + first_own + r;
    if (first_own + r < row.y && d4 < ${D4}u) { quad = ${quad("own", "d4")}; }
    ${name}_weights_1[slot * ${WEIGHTS_STRIDE}u + c] = vec4h(quad);`)}
  workgroupBarrier(); // operands written
  ${times(rows, (i) => across(c, K, (k) => `let ${operand}${i}_${k} = ${left("weights_1", i, k - (c * BLOCK) / K)};`))}
  workgroupBarrier(); // operands read`,
      ),
    /** Sums of the own rows, [own, D]. */
    sums: (sum: string): string =>
      times(rows, (i) => times(D / N, (j) => `var ${sum}${i}_${j} = ${result}();`)),
    /** Stages all rows of the sequence, block by block, and runs `body` for each. `rest`: of row j alone. */
    everyBlock: (tile1: Quad, tile2: Quad, rest: string, body: string): string => `
  for (var first = 0u; first < row.y; first += ${BLOCK}u) {
    ${stage(tile1, tile2)}
    ${rest === "" ? "" : `for (var j = thread; j < ${BLOCK}u; j += ${threads}u) { ${rest} }`}
    workgroupBarrier(); // tiles written
    ${body}
    workgroupBarrier(); // tiles and weights read
  }`,
    /** patch [own, BLOCK] = operands times a tile, transposed. Dawn zeroes a variable without a value once, not in every turn. */
    scores: (patch: string, operand: string, tile: string): string =>
      times(
        BLOCK / N,
        (j) => `{
    ${times(rows, (i) => `var s${i} = ${result}();`)}
    ${times(
      D / K,
      (k) => `{ let right = ${right(tile, "col", j * N * stride + (k * K) / 4)};
      ${times(rows, (i) => `s${i} = subgroupMatrixMultiplyAccumulate(${operand}${i}_${k}, right, s${i});`)} }`,
    )}
    ${times(rows, (i) => `subgroupMatrixStore<row_major>(&${name}_${patch}, ${inPatch(i, j)}, s${i}, ${PATCH_STRIDE}u);`)} }`,
      ),
    /** sums += weights times a tile. */
    add: (sum: string, weights: string, tile: string): string =>
      times(
        BLOCK / K,
        (k) => `{
    ${times(rows, (i) => `let weight${i} = ${left(weights, i, k)};`)}
    ${times(
      D / N,
      (j) => `{ let right = ${right(tile, "row", k * K * stride + (j * N) / 4)};
      ${times(rows, (i) => `${sum}${i}_${j} = subgroupMatrixMultiplyAccumulate(weight${i}, right, ${sum}${i}_${j});`)} }`,
    )} }`,
      ),
    /** Every sum times the factor of its row. */
    scaleRows: (sum: string, factors: string): string =>
      chunks(
        (c) => `
  ${put("patch_1", sum, c)}
  workgroupBarrier(); // sums written
  ${eachQuad(`${name}_patch_1[slot * ${PATCH_STRIDE}u + c] *= ${name}_${factors}[slot];`)}
  workgroupBarrier(); // sums scaled
  ${times(rows, (i) => across(c, N, (j) => `${sum}${i}_${j} = subgroupMatrixLoad<${result}, row_major>(&${name}_patch_1, ${inPatch(i, j)}, ${PATCH_STRIDE}u);`))}
  workgroupBarrier(); // sums read`,
      ),
    /** Runs `body`, which stores `quad` at column d4 of row `own`. Rows owned but not real get zeros. */
    store: (sum: string, body: string): string =>
      chunks(
        (c) => `
  ${put("patch_1", sum, c)}
  workgroupBarrier(); // sums written
  ${eachQuad(`let d4 = c + ${c * QUADS}u;
    let own = row.x + first_own + r;
    if (first_own + r < row.z && d4 < ${D4}u) {
      let quad = select(vec4f(), ${name}_patch_1[slot * ${PATCH_STRIDE}u + c], first_own + r < row.y);
      ${body}
    }`)}
  workgroupBarrier(); // sums read`,
      ),
  };
}
