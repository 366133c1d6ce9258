// matmul-broadcast — C = op(A) op(B) for software adapters: matmul-register's tile, with the loads of A shared by a subgroup.
// A software adapter turns every per-lane load into one scalar load per lane, while handing a value round is nearly free:
// so each lane loads one vec4 of the tile's A, and subgroupBroadcast gives it to the others. subgroupBroadcast wants a
// constant lane, which a loop variable is not, so this kernel is written out by its .ts (bench row "matmul").
// a: [M, K], "TN" [K, M]   b: [K, N], "NT" [N, K]   c, pre: [M, N]   bias: [N]; N % 4 = 0, "TN" M % 4 = 0
// and K % 2 = 0, the others K % 4 = 0. "packed": a [M / rows, K, rows], b [N / columns, K, columns] of the tile, rounded up.
// Mapping: a workgroup is one subgroup; it owns some rows, and each lane one or two quads of columns. The sums do not fit
// the registers of a CPU, so each is updated for all k of a turn at once: loaded and stored once. The tile is as large as
// the loop stays within the CPU's cache of decoded instructions, which loads fill: 40 instructions for the vec4 of a lane.
// "TN" has the larger tile and 2 k a turn (1 of 16 lanes, whose loads are twice as long), the others 4 k, since a row of A
// gives whole vec4s of k only. "packed" is "TN" on panels of both operands (matmul-pack; Goto and van de Geijn 2008,
// doi:10.1145/1356052.1356053). Each sum is over k in order, whatever the tile: tiles differ in speed, never in bits.
import { defineKernel, madeOnce, times } from "./kernel.ts";
import { type Layout, MATMUL_ENTRIES, MATMUL_PARAMS, type MatmulKernel } from "./matmul.ts";

/** How operands lie: in a layout, or packed in panels of the tile's rows and columns. */
export type Operands = Layout | "packed";

/** Whether rows of A run along k, so that a vec4 holds 4 k of one row; else it holds one k of 4 rows. */
const isAlongK = (operands: Operands): boolean => operands === "NN" || operands === "NT";

/** Vectors of 512 bits have 16 lanes: enough rows and columns without a second quad of them. */
export const isWide = (lanes: number): boolean => lanes > 8;

/** Rows and columns of C per workgroup; rows of "NN" and "NT" are a multiple of `lanes`. `tall` has twice the rows of panels. */
export function matmulBroadcastTile(
  operands: Operands,
  lanes: number,
  tall = false,
): readonly [rows: number, columns: number] {
  if (isAlongK(operands)) return [16, 4 * lanes];
  const quads = isWide(lanes) ? 1 : 2; // of columns, a lane
  return [tall ? 8 * lanes : 4 * lanes, 4 * quads * lanes];
}

/** Values of K per turn of the loop. */
export function matmulBroadcastStep(operands: Operands, lanes: number): number {
  if (isAlongK(operands)) return 4;
  return isWide(lanes) ? 1 : 2;
}

const component = (i: number): string => "xyzw"[i % 4]!;

/** The loads of A of turn s, and the expression of A[row m, the turn's k number j] in every lane. */
function operandA(operands: Operands, rows: number, lanes: number) {
  const step = matmulBroadcastStep(operands, lanes);
  if (!isAlongK(operands)) {
    const at = (k: string, g: number): string =>
      operands === "TN"
        ? `${k} * m4 + min(row / 4u + ${g * lanes}u + lane, m4 - 1u)`
        : `(group.y * params.K + ${k}) * ${rows / 4}u + ${g * lanes}u + lane`;
    return {
      load: times(step, (j) =>
        times(rows / 4 / lanes, (g) => `let a${j}_${g} = rounded(a[${at(turnK(step, j), g)}]);`),
      ),
      value: (j: number, m: number): string => {
        const quad = Math.floor(m / 4);
        return `subgroupBroadcast(a${j}_${Math.floor(quad / lanes)}.${component(m)}, ${quad % lanes}u)`;
      },
    };
  }
  return {
    load: times(
      rows / lanes,
      (g) => `let a${g} = rounded(a[min(row + ${g * lanes}u + lane, params.M - 1u) * k4 + s]);`,
    ),
    value: (j: number, m: number): string =>
      `subgroupBroadcast(a${Math.floor(m / lanes)}.${component(j)}, ${m % lanes}u)`,
  };
}

/** The loads of B of turn s: w0_0, w0_1..., the lane's quad q of columns at the turn's k number j. */
function operandB(operands: Operands, quads: number, lanes: number): string {
  const step = matmulBroadcastStep(operands, lanes);
  if (operands !== "NT") {
    const at = (k: string, q: number): string =>
      operands === "packed"
        ? `(group.x * params.K + ${k}) * ${quads * lanes}u + ${q * lanes}u + lane`
        : `${k} * n4 + quad${q}`;
    const load = (j: number, q: number): string =>
      `let w${j}_${q} = rounded(b[${at(turnK(step, j), q)}]);`;
    return times(step, (j) => times(quads, (q) => load(j, q)));
  }
  return [
    times(4, (j) => `let b${j} = rounded(b[(4u * quad0 + ${j}u) * k4 + s]);`),
    times(
      4,
      (j) => `let w${j}_0 = vec4f(${[0, 1, 2, 3].map((n) => `b${n}.${component(j)}`).join(", ")});`,
    ),
  ].join("\n");
}

const turnK = (step: number, j: number): string => `(${step}u * s + ${j}u)`;

function source(operands: Operands, lanes: number, tall: boolean): string {
  const [rows, columns] = matmulBroadcastTile(operands, lanes, tall);
  const quads = columns / 4 / lanes;
  const step = matmulBroadcastStep(operands, lanes);
  const { load, value } = operandA(operands, rows, lanes);
  const update = (m: number): string => `
${times(step, (j) => `let v${m}_${j} = vec4f(${value(j, m)});`)}
${times(quads, (q) => times(step, (j) => `c${q}_${m} = fma(v${m}_${j}, w${j}_${q}, c${q}_${m});`))}`;
  const body = `
  let k4 = params.K / 4u;
  let m4 = params.M / 4u;
  let n4 = params.N / 4u;
  let row = group.y * ${rows}u;
  let first = group.x * ${quads * lanes}u + lane;
${times(quads, (q) => `let quad${q} = min(first + ${q * lanes}u, n4 - 1u); // past the end: computed, not stored`)}
${times(rows, (m) => times(quads, (q) => `var c${q}_${m} = vec4f();`))}
  for (var s = 0u; s < params.K / ${step}u; s++) {
${load}
${operandB(operands, quads, lanes)}
${times(rows, update)}
  }`;
  // The sums are stored in a loop: written out, their activations would take a compiler ten times as long.
  const entry = (name: string, store: string): string => `
@compute @workgroup_size(${lanes})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${body}
${times(
  quads,
  (q) => `
  let column${q} = first + ${q * lanes}u;
  if (column${q} < n4) {
    var sums = array<vec4f, ${rows}>(${times(rows, (m) => `c${q}_${m}`, ", ")});
    for (var m = row; m < min(row + ${rows}u, params.M); m++) { // up to a constant, a compiler would write it out
      let column = column${q};
      let i = m * n4 + column;
      let sum = sums[m - row];
      ${store}
    }
  }`,
)}
}`;
  return `
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4f>;

// HALF rounds the operands to f16; sums are f32.
// A conversion to f16 and back is optimised away on Mesa; this one is not.
fn rounded(v: vec4f) -> vec4f {
  if (HALF) {
    return quantizeToF16(v);
  }
  return v;
}
${entry("product", "if (ACCUMULATE) { c[i] += sum; } else { c[i] = sum; }")}
${entry("linear", "c[i] = activate(sum + bias[column]);")}
${entry("linearKeep", "let v = sum + bias[column]; pre[i] = v; c[i] = activate(v);")}
`;
}

const once = madeOnce<MatmulKernel>();

/** The kernel for one kind of operands and subgroups of exactly `lanes` lanes, which must divide 16. */
export function matmulBroadcast(operands: Operands, lanes: number, tall = false): MatmulKernel {
  const name = `matmul-broadcast-${operands}-${lanes}${tall ? "-tall" : ""}`;
  return once(name, () =>
    defineKernel(name, {
      files: ["./shared/quad.wgsl", "./shared/activation.wgsl"],
      generated: source(operands, lanes, tall),
      params: MATMUL_PARAMS,
      constants: { ACCUMULATE: false, ACTIVATION: 0, HALF: false },
      entries: MATMUL_ENTRIES,
      enables: ["subgroups"],
      lanes,
    }),
  );
}
