import { describe, expect, it } from "vitest";
import { DeviceError, ShapeError } from "../../engine/errors.ts";
import { ParameterSet, type ParameterSpec } from "../../engine/parameters.ts";
import { openTestGpu } from "../support/device.ts";
import { normals } from "../support/random.ts";

const gpu = await openTestGpu({ backend: "null" });
const real = await openTestGpu();

const one = (name: string, shape: readonly number[], decay: boolean): ParameterSpec => ({
  shape,
  parts: [{ name, shape }],
  decay,
});

const SPECS: Readonly<Record<string, ParameterSpec>> = {
  norm: one("norm.weight", [5], false),
  qkv: {
    shape: [6, 3],
    parts: ["q", "k", "v"].map((name) => ({ name, shape: [2, 3] })),
    decay: true,
  },
  wide: one("wide.weight", [70], true),
};

describe("a parameter set", () => {
  it("lays what decays first, each tensor at a multiple of 256 bytes, and counts without gaps", () => {
    const set = new ParameterSet(gpu, SPECS);
    expect([set.size, set.decayed, set.count]).toEqual([64 + 128 + 64, 64 + 128, 5 + 18 + 70]);
    for (const key of Object.keys(SPECS)) {
      const { offset, grad } = set.tensor(key);
      expect(offset % 256).toBe(0);
      expect(grad!.offset).toBe(offset);
      expect(offset < set.decayed * 4).toBe(SPECS[key]!.decay);
    }
    set.destroy();
  });

  it("joins its parts without a gap, in order, and cuts them apart again", async () => {
    const set = new ParameterSet(real, SPECS);
    const values = new Map(
      set.parts.map(({ name, shape }, i) => [name, normals(i, shape[0]! * (shape[1] ?? 1))]),
    );
    for (const { name, shape } of set.parts) set.set(name, shape, values.get(name)!);
    const joined = ["q", "k", "v"].flatMap((name) => [...values.get(name)!]);
    expect([...(await real.read(set.tensor("qkv")))]).toEqual(joined);
    const read = await set.read();
    expect([...read.keys()].sort()).toEqual(["k", "norm.weight", "q", "v", "wide.weight"]);
    for (const [name, { shape, data }] of read) {
      expect(data).toEqual(values.get(name));
      expect(shape).toEqual(set.parts.find((part) => part.name === name)!.shape);
    }
    set.destroy();
  });

  it("starts with zeros, in values and gradients", async () => {
    const set = new ParameterSet(real, SPECS);
    expect(await real.read(set.values)).toEqual(new Float32Array(set.size));
    expect(await real.read(set.gradients)).toEqual(new Float32Array(set.size));
    set.destroy();
  });

  it("refuses unknown names and other shapes", () => {
    const set = new ParameterSet(gpu, SPECS);
    expect(() => set.tensor("bias")).toThrow("parameters: a tensor's key must be one of");
    expect(() => set.set("bias", [5], new Float32Array(5))).toThrow(
      'parameters: a part\'s name must be one that the set was made with; got "bias".',
    );
    expect(() => set.set("q", [3, 2], new Float32Array(6))).toThrow(
      "parameters: q must be [2, 3]; got [3, 2].",
    );
    expect(() => set.set("q", [2, 3], new Float32Array(5))).toThrow(ShapeError);
    set.destroy();
  });

  it("refuses two parts of one name, and parts that do not fill their tensor", () => {
    expect(() => new ParameterSet(gpu, { a: one("w", [2], true), b: one("w", [2], true) })).toThrow(
      "parameters: names must differ; got w twice.",
    );
    const short = { shape: [3], parts: [{ name: "w", shape: [2] }], decay: true };
    expect(() => new ParameterSet(gpu, { a: short })).toThrow("the parts of a must fill its shape");
  });

  it("refuses a tensor that one binding cannot cover, naming it, its size and the limit", () => {
    // The null backend has the smallest limits WebGPU allows: 128 MiB a binding.
    const rows = 300_000;
    const specs = { table: one("table", [rows, 128], true) };
    expect(() => new ParameterSet(gpu, specs)).toThrow(DeviceError);
    expect(() => new ParameterSet(gpu, specs)).toThrow(
      `parameters: table [${rows}, 128] takes ${rows * 128 * 4} bytes; the adapter null-backend binds at most 134217728.`,
    );
  });

  it("refuses more parameters than one buffer holds", () => {
    const specs = Object.fromEntries(
      [1, 2, 3].map((i) => [`t${i}`, one(`t${i}`, [25_000_000], true)]),
    );
    expect(() => new ParameterSet(gpu, specs)).toThrow(
      /parameters: 300\d+ bytes in one buffer.*268435456/,
    );
  });
});
