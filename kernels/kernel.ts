// A kernel as a plain typed value: WGSL source, per-launch parameters, pipeline constants, entry points.
// This file holds no GPU object. The bindings' numbers and access modes are read from the WGSL itself, their one home.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Element type of a per-launch parameter; each takes 4 bytes of `var<immediate>`. */
export type ParamType = "u32" | "f32";
/** Per-launch parameters by name. */
export type Params = Readonly<Record<string, ParamType>>;
/** Element type that a specialisation chooses. */
export type ElementType = "f32" | "f16";
/** Values put before the source: u32 numbers and booleans as WGSL `const`, element types as `alias`. */
export type Constants = Readonly<Record<string, number | boolean | ElementType>>;
/** Workgroup counts of a launch in x, y and z. */
export type Grid = readonly [x: number, y: number, z: number];
/** How a kernel uses a binding. */
export type Access = "read" | "read_write";

/** The names of an entry point's storage bindings, in any order. */
export type Entries = Readonly<Record<string, readonly string[]>>;

/** Lanes that a kernel's subgroups must have, or that it keeps more in registers than lanes of wide ones may have. */
export type Lanes = number | "fewest";

/** A module-scope storage variable of a kernel's source. */
export interface Binding {
  readonly name: string;
  readonly index: number;
  readonly access: Access;
}

/** What `Gpu.launch` runs. Made by `defineKernel`. */
export interface Kernel<P extends Params = Params, E extends Entries = Entries> {
  readonly name: string;
  /** The joined WGSL, without the constants' prelude. */
  readonly source: string;
  /** Which file each part of `source` came from, and the line in `source` it starts at. */
  readonly files: readonly { readonly path: string; readonly firstLine: number }[];
  readonly params: P;
  /** Every constant the source expects, with its default. */
  readonly constants: Constants;
  readonly entries: E;
  /** WGSL `enable` directives the source needs. */
  readonly enables: readonly string[];
  readonly lanes: Lanes | undefined;
  readonly bindings: ReadonlyMap<string, Binding>;
}

/** Largest parameter block: WebGPU guarantees 64 bytes of immediates where it has them. */
export const MAX_PARAM_BYTES = 64;
/** Largest workgroup count of one dispatch dimension that every WebGPU device accepts. */
export const MAX_GRID = 65535;

const STORAGE =
  /@group\(0\)\s*@binding\((\d+)\)\s*var<storage\s*,\s*(read|read_write)>\s*(\w+)\s*:/g;

/**
 * Declares a kernel. `files` are WGSL paths relative to this folder, or file: URLs, joined in order; module scope in WGSL is
 * order-free, so shared code may come first or last. Throws when an entry names a binding the source lacks.
 */
export function defineKernel<const P extends Params, const E extends Entries>(
  name: string,
  spec: {
    files: readonly string[];
    /** WGSL written by the kernel's .ts, where a loop cannot say it. */
    generated?: string;
    params: P;
    constants?: Constants;
    entries: E;
    enables?: readonly string[];
    lanes?: Lanes;
  },
): Kernel<P, E> {
  let source = "";
  const files: { path: string; firstLine: number }[] = [];
  for (const file of spec.files) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    files.push({ path, firstLine: source.split("\n").length });
    source += `${readFileSync(path, "utf8").trimEnd()}\n`;
  }
  if (spec.generated !== undefined) {
    files.push({ path: `generated ${name}`, firstLine: source.split("\n").length });
    source += spec.generated;
  }
  const bindings = new Map<string, Binding>();
  for (const [, index, access, variable] of source.matchAll(STORAGE)) {
    bindings.set(variable!, { name: variable!, index: Number(index), access: access as Access });
  }
  for (const [entry, names] of Object.entries(spec.entries)) {
    if (!new RegExp(`\\bfn ${entry}\\b`).test(source)) {
      throw new Error(`kernel ${name}: the source has no entry point "${entry}".`);
    }
    for (const binding of names) {
      if (!bindings.has(binding)) {
        throw new Error(
          `kernel ${name}/${entry}: the source has no storage variable "${binding}".`,
        );
      }
    }
  }
  if (Object.keys(spec.params).length * 4 > MAX_PARAM_BYTES) {
    throw new Error(`kernel ${name}: parameters must fit ${MAX_PARAM_BYTES} bytes.`);
  }
  const { params, entries, constants = {}, enables = [], lanes } = spec;
  return { name, source, files, params, constants, entries, enables, lanes, bindings };
}

/** What `defineKernel` takes beside the name. */
type Spec<P extends Params, E extends Entries> = Parameters<typeof defineKernel<P, E>>[1];

/** A kernel on vec4s, for sizes that are multiples of 4, and the same one by one. */
export type BothWidths<P extends Params, E extends Entries> = readonly [
  quad: Kernel<P, E>,
  scalar: Kernel<P, E>,
];

/** Declares both, as "NAME" and "NAME-scalar". The source speaks of Real, Bits and WIDTH: shared/quad.wgsl. */
export function inBothWidths<const P extends Params, const E extends Entries>(
  name: string,
  spec: Spec<P, E>,
): BothWidths<P, E> {
  const { files } = spec;
  return [
    defineKernel(name, { ...spec, files: ["./shared/quad.wgsl", ...files] }),
    defineKernel(`${name}-scalar`, { ...spec, files: ["./shared/scalar.wgsl", ...files] }),
  ];
}

/** The kernel for `size` elements side by side, and how many Reals they are. */
export function ofWidth<P extends Params, E extends Entries>(
  [quad, scalar]: BothWidths<P, E>,
  size: number,
): [kernel: Kernel<P, E>, reals: number] {
  return size % 4 === 0 ? [quad, size / 4] : [scalar, size];
}

/** Remembers kernels whose text is generated, by name: pipelines are kept by kernel, so each must be made once. */
export function madeOnce<K extends Kernel>(): (name: string, make: () => K) => K {
  const made = new Map<string, K>();
  return (name, make) => {
    let kernel = made.get(name);
    if (!kernel) made.set(name, (kernel = make()));
    return kernel;
  };
}

/** Threads of a workgroup of an element-wise kernel, and the elements that each takes: constants of shared/each.wgsl. */
export const EACH = { LANES: 64, TURNS: 1 } as const;
/**
 * The same on a software adapter, to which a workgroup is a loop over its subgroups: its start costs as much as some loads and
 * stores, a turn of a loop in it less (bench/NOTES.md).
 */
export const EACH_SOFTWARE = { LANES: 8, TURNS: 64 } as const;

/** A line of generated WGSL for each of 0 .. n, for loops that must be written out. */
export const times = (n: number, line: (i: number) => string, between = "\n"): string =>
  Array.from({ length: n }, (_, i) => line(i)).join(between);

/**
 * The WGSL text of one specialisation: enables, `const` prelude, parameter block, source. Also its line offset.
 * `lanes`: for which its entries ask, on a device whose subgroups vary in size.
 */
export function specialise(
  kernel: Kernel,
  constants: Constants,
  lanes?: number,
): { code: string; sourceLine: number } {
  const values = Object.entries(kernel.constants).map(
    ([name, fallback]) => [name, constants[name] ?? fallback] as const,
  );
  const enables = new Set(kernel.enables);
  if (values.some(([, value]) => value === "f16")) enables.add("f16");
  let { source } = kernel;
  if (lanes !== undefined) {
    enables.add("subgroup_size_control");
    source = source.replaceAll(/@compute\b/g, `@compute @subgroup_size(${lanes})`);
  }
  const lines = [...enables].map((name) => `enable ${name};`);
  for (const [name, value] of values) {
    if (typeof value === "string") lines.push(`alias ${name} = ${value};`);
    else if (typeof value === "boolean") lines.push(`const ${name} = ${value};`);
    else lines.push(`const ${name}: u32 = ${value}u;`);
  }
  const fields = Object.entries(kernel.params).map(([name, type]) => `${name}: ${type}`);
  lines.push(`struct Params { ${fields.join(", ")} }`, "var<immediate> params: Params;");
  return { code: `${lines.join("\n")}\n${source}`, sourceLine: lines.length };
}

// One block for all launches, which leave nothing to be collected so.
const words = new Uint32Array(MAX_PARAM_BYTES / 4);
const floats = new Float32Array(words.buffer);
const blocks = Array.from({ length: words.length + 1 }, (_, size) => words.subarray(0, size));

/** Parameter values in declaration order, 4 bytes each. The array holds them until the next call. */
export function packParams<P extends Params>(
  params: P,
  values: Readonly<Record<keyof P, number>>,
): Uint32Array<ArrayBuffer> {
  let size = 0;
  for (const name in params) {
    (params[name] === "u32" ? words : floats)[size++] = values[name];
  }
  return blocks[size]!;
}

/**
 * Folds a one-dimensional count of workgroups into x and y, because a dimension holds at most 65,535.
 * Shaders undo it with `linear_workgroup` and return when the index is past the end.
 */
export function grid(count: number): Grid {
  if (count <= MAX_GRID) return [count, 1, 1];
  const y = Math.ceil(count / MAX_GRID);
  return [Math.ceil(count / y), y, 1];
}

/** The grid of at least this many threads, for a kernel whose workgroups have its constant LANES of them. */
export function gridOfThreads({ name, constants: { LANES } }: Kernel, threads: number): Grid {
  if (typeof LANES !== "number") throw new Error(`kernel ${name}: it has no constant LANES.`);
  return grid(Math.ceil(threads / LANES));
}
