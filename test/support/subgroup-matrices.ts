// Subgroup matrices for adapters that have none, so that every machine runs the tensor-core kernels' own text, of any matrix
// shape. A matrix lies in workgroup memory, at a place that goes by its variable's name; every lane does all of the arithmetic
// and writes the same values. Compilers take minutes for as many copies of the arithmetic as the text has operations: they
// are numbered, and each run of them becomes a loop over numbers with one copy. Slow, and for lanes that go in step, as those
// of software adapters do.

import type { AdapterInfo } from "../../engine/device.ts";
import type { Kernel } from "../../kernels/kernel.ts";

interface Shape {
  readonly columns: number;
  readonly rows: number;
}

const MEMORY = /var<(?:workgroup|storage, read_write)> (\w+): array<(f32|vec4f|vec4h)[,>]/g;
const STATEMENTS = {
  zeros: /var (\w+) = subgroup_matrix_(result)<f32, (\d+), (\d+)>\(\);/,
  load: /(?:let )?(\w+) = subgroupMatrixLoad<subgroup_matrix_(left|right|result)<f\d\d, (\d+), (\d+)>, (\w+)>\(&(\w+), (.+?), (\d+u)\);/,
  multiply: /(\w+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), \1\);/,
  store: /subgroupMatrixStore<row_major>\(&(\w+), (.+?), (\w+), (\w+)\);/,
};
const ANY = Object.values(STATEMENTS)
  .map(({ source }) => source.replaceAll(/\((?!\?)(?<!\\\()/g, "(?:").replaceAll("\\1", "\\w+"))
  .join("|");
/** Statements on matrices, and the braces about them. */
const RUN = new RegExp(`(?:(?:${ANY}|[{}])\\s*)+`, "g");

/** A loop that compilers do not unroll: they cannot know that its bound is `n`, nor that it is at most that. */
const loop = (i: string, n: number): string =>
  `for (var ${i} = 0u; ${i} < ${n}u + none(); ${i}++) {`;

/** Writes out what a kernel does with matrices: the operations it has, by number. */
class Operations {
  readonly #widths = new Map<string, number>();
  /** By kind: left, right, result. */
  readonly #shapes = new Map<string, Shape>();
  /** Of each run: all functions are inlined. */
  readonly #cases: Map<string, number>[] = [];
  #variables: string[] = [];
  #most = 0;

  constructor(source: string) {
    for (const [, name, type] of source.matchAll(MEMORY)) {
      this.#widths.set(name!, type === "f32" ? 1 : 4);
    }
  }

  /** The text of an entry point, or of what stands before the first. */
  entry(text: string): string {
    this.#variables = [];
    // Loops that GPUs unroll: written out, LLVM takes minutes for them.
    const rolled = text.replaceAll(/\bturn < (\d+u)/g, "turn < $1 + none()");
    const written = rolled.replace(RUN, (run) => this.#run(run));
    this.#most = Math.max(this.#most, this.#variables.length);
    return written;
  }

  #place(variable: string): string {
    if (!this.#variables.includes(variable)) this.#variables.push(variable);
    return `${this.#variables.indexOf(variable)}u`;
  }

  #case(body: string): string {
    const cases = this.#cases.at(-1)!;
    if (!cases.has(body)) cases.set(body, cases.size);
    return `${cases.get(body)}u`;
  }

  #run(run: string): string {
    const all = [...run.matchAll(new RegExp(ANY, "g"))];
    if (all.length === 0) return run;
    this.#cases.push(new Map());
    const start = all[0]!.index;
    const end = all.at(-1)!.index + all.at(-1)![0].length;
    // Braces within fall away with the variables that they are about, but not those without a partner there.
    let open = 0;
    for (const [brace] of run
      .slice(start, end)
      .replaceAll(new RegExp(ANY, "g"), "")
      .matchAll(/[{}]/g)) {
      open += brace === "{" ? 1 : -1;
    }
    const cases = all.map(
      ([statement], i) => `case ${i}u: { op = ${this.#operation(statement)}; }`,
    );
    return `${run.slice(0, start)}
  ${loop("pc", all.length)}
    var op: vec4u;
    switch (pc) { ${cases.join("\n")} default: { } }
    operate_${this.#cases.length - 1}(op, subgroup);
  }
  ${(open > 0 ? "{" : "}").repeat(Math.abs(open))}${run.slice(end)}`;
  }

  /** Number, place or offset, and two more. */
  #operation(statement: string): string {
    const { zeros, load, multiply, store } = STATEMENTS;
    const shape = (kind: string, columns: string, rows: string): Shape => {
      const it = { columns: Number(columns), rows: Number(rows) };
      this.#shapes.set(kind, it);
      return it;
    };
    const element = (memory: string, at: string): string =>
      this.#widths.get(memory) === 1 ? `${memory}[${at}]` : `${memory}[(${at}) / 4u][(${at}) % 4u]`;
    const [, created, ...ofResult] = zeros.exec(statement) ?? [];
    if (created) {
      shape(...(ofResult as [string, string, string]));
      return `vec4u(${this.#case("ZEROS")}, ${this.#place(created)}, 0u, 0u)`;
    }
    const [, loaded, kind, columns, rows, major, from, offset, stride] = load.exec(statement) ?? [];
    if (loaded) {
      const it = shape(kind!, columns!, rows!);
      const width = this.#widths.get(from!)!;
      const [outer, inner] = major === "row_major" ? ["row", "column"] : ["column", "row"];
      const body = `${loop("row", it.rows)} ${loop("column", it.columns)}
      let at = (op.z + ${outer} * op.w) * ${width}u + ${inner};
      matrices[m + row * ${it.columns}u + column] = f32(${element(from!, "at")}); } }`;
      return `vec4u(${this.#case(body)}, ${this.#place(loaded)}, ${offset}, ${stride})`;
    }
    const [, sum, left, right] = multiply.exec(statement) ?? [];
    if (sum) {
      const places = [sum, left!, right!].map((name) => this.#place(name));
      return `vec4u(${this.#case("MULTIPLY")}, ${places.join(", ")})`;
    }
    const [, into, start, stored, pitch] = store.exec(statement)!;
    const { rows: down, columns: across } = this.#shapes.get("result")!;
    const at = `(op.z + row * op.w) * ${this.#widths.get(into!)}u + column`;
    const body = `${loop("row", down)} ${loop("column", across)}
      ${element(into!, at)} = matrices[m + row * ${across}u + column]; } }`;
    return `vec4u(${this.#case(body)}, ${this.#place(stored!)}, ${start}, ${pitch})`;
  }

  /** What the entry points call, for workgroups of at most `subgroups`. */
  functions(subgroups: number, parameter: string): string {
    const [left, right] = [this.#shapes.get("left")!, this.#shapes.get("right")!];
    const size = Math.max(...[...this.#shapes.values()].map((s) => s.columns * s.rows));
    const written: Readonly<Record<string, string>> = {
      ZEROS: `${loop("i", left.rows * right.columns)} matrices[m + i] = 0.0; }`,
      MULTIPLY: `let l = base + op.z * ${size}u;
      let r = base + op.w * ${size}u;
      ${loop("i", left.rows)} ${loop("j", right.columns)}
        var sum = matrices[m + i * ${right.columns}u + j];
        ${loop("k", left.columns)}
          sum += matrices[l + i * ${left.columns}u + k] * matrices[r + k * ${right.columns}u + j];
        }
        matrices[m + i * ${right.columns}u + j] = sum;
      } }`,
    };
    const operate = this.#cases.map((cases, run) => {
      const bodies = [...cases].map(([body, n]) => `case ${n}u: { ${written[body] ?? body} }`);
      return `
fn operate_${run}(op: vec4u, subgroup: u32) {
  let base = subgroup * ${this.#most * size}u;
  let m = base + op.y * ${size}u;
  switch (op.x) { ${bodies.join("\n")} default: { } }
}`;
    });
    return `
var<workgroup> matrices: array<f32, ${subgroups * this.#most * size}>;
fn none() -> u32 { return params.${parameter} >> 31u; }
${operate.join("")}
`;
  }
}

/** Why an adapter cannot run what `emulated` gives; empty where it can. */
export function notEmulated({ features, software, subgroupSize }: AdapterInfo): string {
  if (!features.includes("shader-f16")) return " (skipped: the adapter has no shader-f16)";
  return software && subgroupSize > 0 ? "" : " (skipped: not a software adapter with subgroups)";
}

const made = new Map<Kernel, Kernel>();

/** The kernel for subgroups of `lanes`, its matrices written out: the same one each time, as pipelines are kept by kernel. */
export function emulated<K extends Kernel>(kernel: K, lanes: number): K {
  const known = made.get(kernel);
  if (known) return known as K;
  const operations = new Operations(kernel.source);
  const entries = kernel.source.split("@compute").map((text) => operations.entry(text));
  const threads = [...kernel.source.matchAll(/@workgroup_size\((\d+)\)/g)].map(([, n]) =>
    Number(n),
  );
  const [parameter] = Object.entries(kernel.params).find(([, type]) => type === "u32")!;
  const source =
    entries.join("@compute") + operations.functions(Math.max(...threads) / lanes, parameter);
  const enables = kernel.enables.filter((name) => !name.endsWith("subgroup_matrix"));
  const written = { ...kernel, source, enables };
  made.set(kernel, written);
  return written;
}
