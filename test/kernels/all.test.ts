// Every kernel without a GPU: Dawn's null backend compiles, with the smallest limits WebGPU allows, and runs nothing.

import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { KernelError } from "../../engine/errors.ts";
import { ACTIVATIONS } from "../../kernels/activation.ts";
import { attention } from "../../kernels/attention.ts";
import { attentionBroadcast, canBroadcast } from "../../kernels/attention-broadcast.ts";
import { attentionMatrix } from "../../kernels/attention-matrix.ts";
import { type Constants, type Kernel, MAX_PARAM_BYTES, specialise } from "../../kernels/kernel.ts";
import { LAYER_NORM, LAYER_NORM_SOFTWARE } from "../../kernels/layer-norm.ts";
import { matmulBroadcast } from "../../kernels/matmul-broadcast.ts";
import { matmulMatrix } from "../../kernels/matmul-matrix.ts";
import { openGpu } from "../../engine/open.ts";
import { callersOf, storageUsedBy } from "../support/wgsl.ts";

const FOLDER = fileURLToPath(new URL("../../kernels/", import.meta.url));

/** All combinations of one value per name. */
function combine(choices: Readonly<Record<string, readonly (number | boolean)[]>>): Constants[] {
  let all: Constants[] = [{}];
  for (const [name, values] of Object.entries(choices)) {
    all = all.flatMap((rest) => values.map((value) => ({ ...rest, [name]: value })));
  }
  return all;
}

const ACCUMULATE = [false, true];
const ACTIVATION = Object.values(ACTIVATIONS);
const TRANSPOSED = { A_TRANSPOSED: [false, true], B_TRANSPOSED: [false, true] };
const MATMUL = combine({ ...TRANSPOSED, ACCUMULATE, ACTIVATION });
const HALF = [{ HALF: true }];

/** What the files that write a kernel's text make, for all the subgroups they are chosen for. */
const LAYOUTS = ["NN", "NT", "TN"] as const;
const MATRICES = { M: 16, N: 8, K: 16 };
const LIMITS = { bytes: 16384, threads: 256, values: 128 };
const MATRIX_TILE = { subgroups: [2, 1], matrices: [1, 2], step: 16, stages: 2 } as const;
const MADE: readonly Kernel[] = [
  ...[1, 3, 4, 20, 64, 128, 256].flatMap((D) => [attention(D, 128), attention(D, 64)]),
  ...[2, 4, 8, 16].flatMap((lanes) => [
    ...([...LAYOUTS, "packed"] as const).map((operands) => matmulBroadcast(operands, lanes)),
    matmulBroadcast("packed", lanes, true),
    ...[4, 16, 32, 64]
      .filter((headSize) => canBroadcast(headSize, lanes))
      .map((headSize) => attentionBroadcast(headSize, lanes).kernel),
  ]),
  // The null backend's subgroups have 128 lanes.
  ...[16, 32].map((headSize) => attentionMatrix(headSize, MATRICES, 128, LIMITS)!.kernel),
  ...LAYOUTS.flatMap((layout) =>
    [1, 4].flatMap((split) =>
      (["f32", "f16"] as const).map((operands) =>
        matmulMatrix(layout, MATRICES, MATRIX_TILE, 128, split, operands),
      ),
    ),
  ),
];

/** Of kernels with shared/each.wgsl. */
const PIECES = { LANES: [1, 256], TURNS: [1, 1024] };

/** Of kernels that come on vec4s and one by one. */
const IN_BOTH_WIDTHS: Readonly<Record<string, readonly Constants[]>> = {
  activation: combine({ ACCUMULATE, ACTIVATION, ...PIECES }),
  add: combine(PIECES),
  "column-sum": [
    ...combine({ ACCUMULATE, ROWS: [1, 1024], LANES: [1, 256] }),
    ...combine({ ACCUMULATE, SHARES: [1, 16], LANES: [16] }),
  ],
  dropout: combine({ ACCUMULATE, ...PIECES }),
  embedding: combine({ ACCUMULATE, ...PIECES }),
  fill: combine(PIECES),
  "layer-norm": [
    ...combine({ ACCUMULATE, LANES: [1, LAYER_NORM.LANES, 256], ROWS: [1, 1024] }),
    LAYER_NORM_SOFTWARE,
  ],
};

/** The specialisations to compile beside the default, by kernel. A kernel that is missing here fails a test. */
const EXTREMES: Readonly<Record<string, readonly Constants[]>> = {
  adamw: combine(PIECES),
  "cross-entropy": combine({ ACCUMULATE, LANES: [1, 256] }),
  "gather-rows": combine(PIECES),
  "gradient-norm": combine({ LANES: [1, 256] }),
  "matmul-naive": [...MATMUL, ...HALF],
  "matmul-register": [...MATMUL, ...HALF],
  "matmul-split": combine({ ACCUMULATE, ...PIECES }),
  "matmul-pack": combine({ ...PIECES, WIDTH: [4, 64] }),
  "matmul-half": combine(PIECES),
  "matmul-tiled": [
    ...MATMUL,
    { ELEM: "f16" },
    ...combine({ ROW_QUADS: [1, 2], COLUMN_QUADS: [1, 2], STEP: [4, 8], SPLIT: [1, 4] }),
  ],
  ...Object.fromEntries(
    Object.entries(IN_BOTH_WIDTHS).flatMap(([name, constants]) => [
      [name, constants],
      [`${name}-scalar`, constants],
    ]),
  ),
  ...Object.fromEntries(
    MADE.map(({ name, constants }) => [
      name,
      [
        ...combine(
          "DROPOUT" in constants ? { DROPOUT: [false, true] } : { ACCUMULATE, ACTIVATION },
        ),
        ...("HALF" in constants ? HALF : []),
      ],
    ]),
  ),
};

function isKernel(value: unknown): value is Kernel {
  return typeof value === "object" && value !== null && "entries" in value && "source" in value;
}

const filesOf = (ending: string): string[] =>
  readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(ending),
  );

/** What every file of kernels/ exports, and the kernels that are made on demand. */
async function allKernels(): Promise<Kernel[]> {
  const kernels: Kernel[] = [];
  for (const file of filesOf(".ts")) {
    const exports = Object.values((await import(`${FOLDER}${file}`)) as object);
    kernels.push(...exports.flat().filter(isKernel));
  }
  return [...kernels, ...MADE];
}

const kernels = await allKernels();
const gpu = await openGpu({ backend: "null" });
afterAll(() => gpu.close());

/** Compiles one specialisation of an entry, and binds buffers to it as its declaration says. */
function compile(kernel: Kernel, entry: string, constants: Constants): void {
  const buffers = Object.fromEntries(
    kernel.entries[entry]!.map((name) => [name, gpu.empty([256])]),
  );
  const params = Object.fromEntries(Object.keys(kernel.params).map((name) => [name, 0]));
  gpu.launch(kernel, entry, buffers, params, [1, 1, 1], constants);
  gpu.submit();
  for (const tensor of Object.values(buffers)) gpu.release(tensor);
}

describe("kernels", () => {
  it("are all known to this test, which knows no others", () => {
    expect(kernels.map(({ name }) => name).sort()).toEqual(Object.keys(EXTREMES).sort());
  });

  it("use every .wgsl file there is, each from a .ts of the same name or its family", () => {
    const used = new Set(kernels.flatMap(({ files }) => files.map(({ path }) => basename(path))));
    const there = filesOf(".wgsl").map((path) => basename(path));
    expect(there.filter((file) => !used.has(file))).toEqual([]);
    const modules = new Set(filesOf(".ts"));
    for (const file of filesOf(".wgsl").filter((path) => !path.includes("shared"))) {
      const stem = basename(file, ".wgsl");
      const family = stem.split("-")[0]!;
      expect(modules.has(`${stem}.ts`) || modules.has(`${family}.ts`), file).toBe(true);
    }
  });

  describe.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", (name, kernel) => {
    it.each(Object.keys(kernel.entries))(
      "%s compiles by default and with extreme constants",
      (entry) => {
        for (const constants of [{}, ...EXTREMES[name]!]) compile(kernel, entry, constants);
        gpu.check();
      },
    );

    it.each(Object.keys(kernel.entries))(
      "%s binds exactly the storage it uses, each at its own number",
      (entry) => {
        const declared = kernel.entries[entry]!;
        expect([...declared].sort()).toEqual([...storageUsedBy(kernel, entry)].sort());
        const numbers = declared.map((binding) => kernel.bindings.get(binding)!.index);
        expect(new Set(numbers).size).toBe(numbers.length);
      },
    );

    it("declares the parameters and constants that its source uses, and no others", () => {
      const code = kernel.source.replaceAll(/\/\/.*$/gm, "");
      const params = [...code.matchAll(/\bparams\.(\w+)/g)].map(([, param]) => param!);
      expect([...new Set(params)].sort()).toEqual(Object.keys(kernel.params).sort());
      const own = new Set([...code.matchAll(/\bconst ([A-Z][A-Z0-9_]*)\b/g)].map(([, id]) => id!));
      const bare = code.replaceAll(/\bparams\.\w+/g, "");
      const constants = [...bare.matchAll(/(?<![.\w])([A-Z][A-Z0-9_]*)\b/g)].map(([, id]) => id!);
      const used = [...new Set(constants)].filter((id) => !own.has(id));
      expect(used.sort()).toEqual(Object.keys(kernel.constants).sort());
      expect(Object.keys(kernel.params).length * 4).toBeLessThanOrEqual(MAX_PARAM_BYTES);
    });

    it("calls every function it brings from some entry", () => {
      // Shared files bring more than one kernel needs; a kernel's own file should not.
      const own = kernel.files.findLast(({ path }) => !path.includes("/shared/"))!;
      const from = kernel.source
        .split("\n")
        .slice(own.firstLine - 1)
        .join("\n");
      for (const [, fn = ""] of from.matchAll(/^fn (\w+)/gm)) {
        if (!(fn in kernel.entries)) expect(callersOf(kernel, fn), fn).not.toEqual([]);
      }
    });
  });

  it("refuse a constant that is not declared, naming it", () => {
    const [kernel] = kernels;
    const entry = Object.keys(kernel!.entries)[0]!;
    expect(() => compile(kernel!, entry, { COLOUR: 3 })).toThrow(KernelError);
    expect(() => compile(kernel!, entry, { COLOUR: 3 })).toThrow("got COLOUR");
  });

  it("get their constants as a prelude of declarations", () => {
    const kernel = kernels.find(({ name }) => name === "column-sum")!;
    const { code, sourceLine } = specialise(kernel, { ROWS: 5, ACCUMULATE: true });
    const prelude = code.split("\n").slice(0, sourceLine);
    expect(prelude).toEqual([
      "const LANES: u32 = 64u;",
      "const ROWS: u32 = 5u;",
      "const SHARES: u32 = 1u;",
      "const ACCUMULATE = true;",
      "struct Params { R: u32, C: u32 }",
      "var<immediate> params: Params;",
    ]);
  });

  it("ask in every entry for the lanes that they are given", () => {
    for (const kernel of kernels) {
      const { code } = specialise(kernel, {}, 16);
      expect(code.split("enable subgroup_size_control;\n")).toHaveLength(2);
      const asking = code.split("@compute @subgroup_size(16) @workgroup_size");
      expect(asking).toHaveLength(Object.keys(kernel.entries).length + 1);
      expect(specialise(kernel, {}).code).not.toContain("subgroup_size(");
      // Those that use subgroups are made for one size of them.
      expect(typeof kernel.lanes === "number").toBe(kernel.enables.includes("subgroups"));
    }
  });
});
