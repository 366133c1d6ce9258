// Subgroup matrices for adapters that have none, so that every machine runs the tensor-core kernels' own text, of any matrix
// shape. A matrix lies in workgroup memory and a variable of the text holds its number; every lane does all of the arithmetic
// and writes the same values. Slow.

import type { Kernel } from "../../kernels/kernel.ts";

type Kind = "left" | "right" | "result";

const MEMORY = /var<workgroup> (\w+): array<(f32|vec4h), /g;
const VARIABLE = /var (\w+): subgroup_matrix_result<f32, (\d+), (\d+)>;/g;
const LOAD =
  /subgroupMatrixLoad<subgroup_matrix_(left|right)<f16, (\d+), (\d+)>, (\w+)>\(&(\w+), /g;
const STORE = /subgroupMatrixStore<row_major>\(&(\w+), /g;

interface Shape {
  readonly columns: number;
  readonly rows: number;
}

/** A loop that compilers do not unroll: they cannot know that its bound is `n`. */
const loop = (i: string, n: number): string =>
  `for (var ${i} = 0u; ${i} < min(${n}u, params.M + ${n}u); ${i}++) {`;

/** `offset` and `stride` count elements of the memory, vec4h or f32. */
function load(
  name: string,
  { columns, rows }: Shape,
  major: string,
  memory: string,
  width: number,
): string {
  const at = major === "row_major" ? `r * stride * ${width}u + c` : `c * stride * ${width}u + r`;
  const value = width === 1 ? `${memory}[at]` : `f32(${memory}[at / 4u][at % 4u])`;
  return `
fn ${name}(m: u32, offset: u32, stride: u32) -> u32 {
  ${loop("r", rows)} ${loop("c", columns)}
    let at = offset * ${width}u + ${at};
    matrices[m + r * ${columns}u + c] = ${value};
  } }
  return m;
}`;
}

const store = (name: string, { columns, rows }: Shape, memory: string): string => `
fn ${name}(offset: u32, m: u32, stride: u32) {
  ${loop("r", rows)} ${loop("c", columns)}
    ${memory}[offset + r * stride + c] = matrices[m + r * ${columns}u + c];
  } }
}`;

const arithmetic = (left: Shape, right: Shape): string => `
fn multiply(l: u32, r: u32, m: u32) -> u32 {
  ${loop("i", left.rows)} ${loop("j", right.columns)}
    var sum = matrices[m + i * ${right.columns}u + j];
    ${loop("k", left.columns)}
      sum += matrices[l + i * ${left.columns}u + k] * matrices[r + k * ${right.columns}u + j];
    }
    matrices[m + i * ${right.columns}u + j] = sum;
  } }
  return m;
}
fn zeros(m: u32) -> u32 {
  ${loop("i", left.rows * right.columns)}
    matrices[m + i] = 0.0;
  }
  return m;
}`;

const made = new Map<Kernel, Kernel>();

/** The kernel for `subgroups` subgroups, its matrices written out: the same one each time, as pipelines are kept by kernel. */
export function emulated<K extends Kernel>(kernel: K, subgroups: number): K {
  const known = made.get(kernel);
  if (known) return known as K;
  const widths = new Map<string, number>();
  for (const [, name, type] of kernel.source.matchAll(MEMORY)) {
    widths.set(name!, type === "f32" ? 1 : 4);
  }
  const shapes = new Map<Kind, Shape>();
  const functions = new Map<string, string>();
  const size = (): number => Math.max(...[...shapes.values()].map((s) => s.columns * s.rows));
  let most = 0;
  const entries = kernel.source.split("@compute").map((part) => {
    let used = 0;
    const number = (): string => `(subgroup * MATRICES + ${used++}u) * SIZE`;
    const text = part
      .replace(VARIABLE, (_, name: string, columns, rows) => {
        shapes.set("result", { columns: Number(columns), rows: Number(rows) });
        return `var ${name} = zeros(${number()});`;
      })
      .replace(LOAD, (_, kind: Kind, columns, rows, major: string, memory: string) => {
        const shape = { columns: Number(columns), rows: Number(rows) };
        shapes.set(kind, shape);
        const name = `load_${kind}_${major}_${memory}`;
        functions.set(name, load(name, shape, major, memory, widths.get(memory)!));
        return `${name}(${number()}, `;
      })
      .replace(STORE, (_, memory: string) => {
        const name = `store_${memory}`;
        functions.set(name, store(name, shapes.get("result")!, memory));
        return `${name}(`;
      })
      .replaceAll("subgroupMatrixMultiplyAccumulate(", "multiply(");
    most = Math.max(most, used);
    return text;
  });
  const source = `${entries.join("@compute")}
const SIZE = ${size()}u;
const MATRICES = ${most}u;
var<workgroup> matrices: array<f32, ${subgroups * most * size()}>;
${[...functions.values()].join("")}
${arithmetic(shapes.get("left")!, shapes.get("right")!)}
`;
  const enables = kernel.enables.filter((name) => !name.endsWith("subgroup_matrix"));
  const written = { ...kernel, source, enables };
  made.set(kernel, written);
  return written;
}
