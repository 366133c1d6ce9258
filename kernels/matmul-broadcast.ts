// matmul-broadcast — C = op(A) op(B) for software adapters: matmul-register's tile, with the loads of A shared by a subgroup.
// A software adapter turns every per-lane load into one scalar load per lane, while handing a value round is nearly free:
// so each lane loads one vec4 of the tile's A, and subgroupBroadcast gives it to the others. subgroupBroadcast wants a
// constant lane, which a loop variable is not, so this kernel is written out by its .ts (bench row "matmul").
// a: [M, K], "TN" [K, M]   b: [K, N], "NT" [N, K]   c, pre: [M, N]   bias: [N]; N % 4 = 0, "TN" M % 4 = 0,
// the others K % 4 = 0.
// Mapping: a workgroup is one subgroup; it owns some rows, and each lane a quad of columns. The sums do not fit the
// registers of a CPU, so each is updated for all k of a turn at once: loaded and stored once. The tile is as large as the
// loop stays within the CPU's cache of decoded instructions, which loads fill: 40 instructions for the vec4 of a lane.
// "TN" has one k a turn and the largest tile, the others 4 k, since a row of A gives whole vec4s of k only.
import { defineKernel, madeOnce } from "./kernel.ts";
import { MATMUL_ENTRIES, MATMUL_PARAMS, type MatmulKernel } from "./matmul.ts";

/** Rows of C per workgroup; for "NN" and "NT" a multiple of `lanes`. */
export function matmulBroadcastRows(layout: "NN" | "NT" | "TN", lanes: number): number {
  return layout === "TN" ? 4 * lanes : 16;
}

const component = (i: number): string => "xyzw"[i % 4]!;
const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("\n");

/** The loads of A of turn s, and the expression of A[row m, the turn's k number j] in every lane. */
function operandA(layout: "NN" | "NT" | "TN", rows: number, lanes: number) {
  if (layout === "TN") {
    return {
      load: "let a0 = rounded(a[s * m4 + min(row / 4u + lane, m4 - 1u)]);",
      value: (_j: number, m: number): string =>
        `subgroupBroadcast(a0.${component(m)}, ${Math.floor(m / 4)}u)`,
    };
  }
  return {
    load: lines(
      rows / lanes,
      (g) => `let a${g} = rounded(a[min(row + ${g * lanes}u + lane, params.M - 1u) * k4 + s]);`,
    ),
    value: (j: number, m: number): string =>
      `subgroupBroadcast(a${Math.floor(m / lanes)}.${component(j)}, ${m % lanes}u)`,
  };
}

/** The loads of B of turn s: w0, w1..., each the lane's quad of columns at one k. */
function operandB(layout: "NN" | "NT" | "TN"): string {
  if (layout === "TN") return "let w0 = rounded(b[s * n4 + quad]);";
  if (layout === "NN")
    return lines(4, (j) => `let w${j} = rounded(b[(4u * s + ${j}u) * n4 + quad]);`);
  return [
    lines(4, (j) => `let b${j} = rounded(b[(4u * quad + ${j}u) * k4 + s]);`),
    lines(
      4,
      (j) => `let w${j} = vec4f(${[0, 1, 2, 3].map((n) => `b${n}.${component(j)}`).join(", ")});`,
    ),
  ].join("\n");
}

function source(layout: "NN" | "NT" | "TN", lanes: number): string {
  const rows = matmulBroadcastRows(layout, lanes);
  const step = layout === "TN" ? 1 : 4;
  const { load, value } = operandA(layout, rows, lanes);
  const body = `
  let k4 = params.K / 4u;
  let m4 = params.M / 4u;
  let n4 = params.N / 4u;
  let row = group.y * ${rows}u;
  let column = group.x * ${lanes}u + lane;
  let quad = min(column, n4 - 1u); // columns past the end are computed on a clamped address and not stored
${lines(rows, (m) => `var c${m} = vec4f();`)}
  for (var s = 0u; s < params.K / ${step}u; s++) {
${load}
${operandB(layout)}
${lines(rows, (m) => lines(step, (j) => `c${m} = fma(vec4f(${value(j, m)}), w${j}, c${m});`))}
  }`;
  // The rows are stored in a loop: written out, their activations would take a compiler ten times as long.
  const entry = (name: string, store: string): string => `
@compute @workgroup_size(${lanes})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${body}
  var sums = array<vec4f, ${rows}>(${Array.from({ length: rows }, (_, m) => `c${m}`).join(", ")});
  if (column >= n4) {
    return;
  }
  for (var m = row; m < min(row + ${rows}u, params.M); m++) {
    let i = m * n4 + column;
    ${store}
  }
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
${entry("product", "if (ACCUMULATE) { c[i] += sums[m - row]; } else { c[i] = sums[m - row]; }")}
${entry("linear", "c[i] = activate(sums[m - row] + bias[column]);")}
${entry("linearKeep", "let v = sums[m - row] + bias[column]; pre[i] = v; c[i] = activate(v);")}
`;
}

const once = madeOnce<MatmulKernel>();

/** The kernel of one layout for subgroups of exactly `lanes` lanes, which must divide 16. */
export function matmulBroadcast(layout: "NN" | "NT" | "TN", lanes: number): MatmulKernel {
  const name = `matmul-broadcast-${layout}-${lanes}`;
  return once(name, () =>
    defineKernel(name, {
      files: ["./shared/quad.wgsl", "./shared/activation.wgsl"],
      generated: source(layout, lanes),
      params: MATMUL_PARAMS,
      constants: { ACCUMULATE: false, ACTIVATION: 0, HALF: false },
      entries: MATMUL_ENTRIES,
      enables: ["subgroups"],
    }),
  );
}
