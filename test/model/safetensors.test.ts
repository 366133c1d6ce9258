import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileError, ShapeError } from "../../engine/errors.ts";
import { openSafetensors, writeSafetensors } from "../../model/safetensors.ts";
import { withFolder } from "../support/spiece.ts";

/** A file with this header (an object or raw text) and these bytes behind it. */
async function writeFileWith(
  path: string,
  header: object | string,
  data: Uint8Array,
): Promise<void> {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, data]));
}

/** Opens a file with that header and data; "ok" or the error. */
async function openWith(header: object | string, data: Uint8Array): Promise<unknown> {
  return withFolder(async (dir) => {
    const path = join(dir, "model.safetensors");
    await writeFileWith(path, header, data);
    try {
      await (await openSafetensors(path)).close();
      return "ok";
    } catch (error) {
      return error;
    }
  });
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("openSafetensors", () => {
  it("reads tensors by name, whatever their order in the header", () =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      const data = new Float32Array([1, 2, 3, 4, 5, 6]);
      const header = {
        __metadata__: { format: "pt" },
        late: f32(16, 24, [1, 2]),
        early: f32(0, 16),
      };
      await writeFileWith(path, header, new Uint8Array(data.buffer));
      const file = await openSafetensors(path);
      expect([...file.tensors.keys()]).toEqual(["early", "late"]);
      expect(file.tensors.get("late")?.shape).toEqual([1, 2]);
      expect(file.metadata).toEqual({ format: "pt" });
      expect([...(await file.read("late"))]).toEqual([5, 6]);
      expect([...(await file.read("early"))]).toEqual([1, 2, 3, 4]);
      await file.close();
    }));

  it("widens every finite F16 value exactly", () =>
    withFolder(async (dir) => {
      const path = join(dir, "half.safetensors");
      const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const header = { x: { dtype: "F16", shape: [65536], data_offsets: [0, 131072] } };
      await writeFileWith(path, header, new Uint8Array(bits.buffer));
      const file = await openSafetensors(path);
      const values = await file.read("x");
      await file.close();
      for (let i = 0; i < 65536; i++) {
        const exponent = (i >> 10) & 31;
        const fraction = i & 1023;
        const sign = i & 0x8000 ? -1 : 1;
        let expected =
          sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
        if (exponent === 31) expected = fraction === 0 ? sign * Infinity : NaN;
        if (!Object.is(values[i], expected))
          expect({ i, value: values[i] }).toEqual({ i, value: expected });
      }
      expect(values[0x3c00]).toBe(1);
      expect(values[0x8001]).toBe(-(2 ** -24));
    }));

  it("widens BF16, of which a float32 has the upper half", () =>
    withFolder(async (dir) => {
      const path = join(dir, "bf16.safetensors");
      const source = new Uint32Array(new Float32Array([1, -2.5, 3.140625, -0, Infinity]).buffer);
      const upper = Uint16Array.from(source, (word) => word >>> 16);
      const header = { x: { dtype: "BF16", shape: [5], data_offsets: [0, 10] } };
      await writeFileWith(path, header, new Uint8Array(upper.buffer));
      const file = await openSafetensors(path);
      expect([...(await file.read("x"))]).toEqual([1, -2.5, 3.140625, -0, Infinity]);
      await file.close();
    }));

  it("lists tensors of other types and refuses them by name only when they are read", () =>
    withFolder(async (dir) => {
      const path = join(dir, "mixed.safetensors");
      const header = {
        weight: f32(0, 4),
        position_ids: { dtype: "I64", shape: [1, 2], data_offsets: [4, 20] },
        future: { dtype: "F4", shape: [8], data_offsets: [20, 24] },
      };
      await writeFileWith(path, header, new Uint8Array(24));
      const file = await openSafetensors(path);
      expect([...(await file.read("weight"))]).toEqual([0]);
      await expect(file.read("position_ids")).rejects.toThrow(
        /position_ids must be F32, F16 or BF16; got I64/,
      );
      await expect(file.read("future")).rejects.toThrow(/got F4/);
      await expect(file.read("nothing")).rejects.toThrow(/must have the tensor nothing/);
      await file.close();
    }));

  it("reads an empty tensor and a scalar", () =>
    withFolder(async (dir) => {
      const path = join(dir, "small.safetensors");
      const header = { none: f32(0, 0, [3, 0]), scalar: f32(0, 4, []) };
      await writeFileWith(path, header, new Uint8Array(new Float32Array([7]).buffer));
      const file = await openSafetensors(path);
      expect([...(await file.read("none"))]).toEqual([]);
      expect([...(await file.read("scalar"))]).toEqual([7]);
      await file.close();
    }));

  it("takes names that look like paths or object properties as mere names", async () => {
    expect(
      await openWith({ "../../etc/passwd": f32(0, 4), toString: f32(4, 8) }, new Uint8Array(8)),
    ).toBe("ok");
    expect(
      await openWith(
        '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
    ).toBe("ok");
  });

  it.each<[string, object | string, number, RegExp]>([
    ["a header that is no JSON", "{a", 0, /header is not JSON/],
    ["a header that is a list", "[]", 0, /header is not a JSON object/],
    ["an overlap", { a: f32(0, 8), b: f32(4, 12) }, 12, /b overlaps the tensor before it/],
    ["a gap", { a: f32(0, 4), b: f32(8, 12) }, 12, /b leaves a gap before it/],
    ["a first tensor that begins late", { a: f32(4, 8) }, 8, /a leaves a gap/],
    [
      "a truncated file",
      { a: f32(0, 4), b: f32(4, 12) },
      11,
      /truncated.* take 12 bytes, it has 11/,
    ],
    ["offsets far outside the file", { a: f32(0, 4e15) }, 4, /truncated/],
    ["bytes after the last tensor", { a: f32(0, 4) }, 5, /1 bytes after its last tensor/],
    [
      "a shape that needs more bytes",
      { a: f32(0, 4, [2]) },
      4,
      /a has 4 bytes, but F32 \[2\] takes 8/,
    ],
    ["a shape that overflows", { a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4, /a has 4 bytes, but/],
    ["a negative size", { a: f32(0, 4, [-1]) }, 4, /a has the shape \[-1\]/],
    [
      "offsets in reverse",
      { a: { dtype: "F32", shape: [1], data_offsets: [4, 0] } },
      4,
      /data_offsets \[4,0\]/,
    ],
    [
      "three offsets",
      { a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } },
      4,
      /data_offsets/,
    ],
    ["a tensor without a type", { a: { shape: [1], data_offsets: [0, 4] } }, 4, /a has no dtype/],
    ["a tensor that is null", { a: null }, 0, /a has no description/],
    ["metadata that is not strings", { __metadata__: { a: 1 } }, 0, /__metadata__ are not strings/],
    [
      "a name that comes twice",
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      /it names a twice/,
    ],
  ])("refuses %s", async (_, header, bytes, message) => {
    const error = await openWith(header, new Uint8Array(bytes));
    expect(error).toBeInstanceOf(FileError);
    expect(String(error)).toMatch(message);
  });

  it.each<[string, Buffer, RegExp]>([
    ["an empty file", Buffer.alloc(0), /cut off after 0 bytes/],
    ["a file shorter than its length field", Buffer.alloc(7), /cut off after 7 bytes/],
    [
      "a header length beyond the file",
      Buffer.from([9, 0, 0, 0, 0, 0, 0, 0]),
      /header of 9 bytes; it is cut off/,
    ],
    ["a huge header length", Buffer.alloc(64, 0xff), /header of at most 100000000 bytes/],
    [
      "a git-LFS pointer",
      Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 47372824\n"),
      /git lfs pull/,
    ],
  ])("refuses %s", (_, content, message) =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      await writeFile(path, content);
      await expect(openSafetensors(path)).rejects.toThrow(FileError);
      await expect(openSafetensors(path)).rejects.toThrow(message);
    }),
  );

  it("refuses a missing file and a folder", () =>
    withFolder(async (dir) => {
      await expect(openSafetensors(join(dir, "none"))).rejects.toThrow(
        /none: must be .*; it does not exist/,
      );
      await mkdir(join(dir, "folder"));
      await expect(openSafetensors(join(dir, "folder"))).rejects.toThrow(FileError);
    }));

  it("notices a file that was cut after it was opened", () =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      await writeSafetensors(path, [{ name: "a", shape: [4], data: new Float32Array(4) }]);
      const file = await openSafetensors(path);
      await truncate(path, 90);
      await expect(file.read("a")).rejects.toThrow(/must not change while it is read/);
      await file.close();
    }));
});

describe("writeSafetensors", () => {
  it("writes what openSafetensors reads back, bit for bit", () =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      const values = new Float32Array([0, -0, 1e-45, NaN, Infinity, 3.4e38]);
      // A view into the middle of a larger buffer: only its own part may be written.
      const part = new Float32Array([9, 9, 1, 2, 9]).subarray(2, 4);
      await writeSafetensors(path, [
        { name: "b", shape: [2, 3], data: values },
        { name: "a.ü", shape: [2], data: part },
      ]);
      const file = await openSafetensors(path);
      expect(file.metadata).toEqual({ format: "pt" });
      expect([...file.tensors.keys()]).toEqual(["a.ü", "b"]);
      expect(new Uint32Array((await file.read("b")).buffer)).toEqual(
        new Uint32Array(values.buffer),
      );
      expect([...(await file.read("a.ü"))]).toEqual([1, 2]);
      await file.close();
    }));

  // What safetensors.numpy.save_file (0.8.0) writes for {"w": [[1, 2]], "b": [3]} with {"format": "pt"}.
  it("writes the same bytes as the Python library", () =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      await writeSafetensors(path, [
        { name: "w", shape: [1, 2], data: new Float32Array([1, 2]) },
        { name: "b", shape: [1], data: new Float32Array([3]) },
      ]);
      expect((await readFile(path)).toString("hex")).toBe(
        "90000000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a227074227d2c2262223a7b226474797065223a22463332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c345d7d2c2277223a7b226474797065223a22463332222c227368617065223a5b312c325d2c22646174615f6f666673657473223a5b342c31325d7d7d202020000040400000803f00000040",
      );
    }));

  it("keeps the file that was there when writing fails, and leaves nothing else behind", () =>
    withFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      const tensor = { name: "a", shape: [1], data: new Float32Array([1]) };
      await writeSafetensors(path, [tensor]);
      const before = await readFile(path);
      await expect(writeSafetensors(path, [tensor, tensor])).rejects.toThrow(/names must differ/);
      await expect(writeSafetensors(path, [{ ...tensor, shape: [2] }])).rejects.toThrow(ShapeError);
      expect(await readFile(path)).toEqual(before);
      expect(await readdir(dir)).toEqual(["model.safetensors"]);
    }));

  it("says so when the folder does not exist", () =>
    withFolder(async (dir) => {
      const path = join(dir, "none", "model.safetensors");
      await expect(writeSafetensors(path, [])).rejects.toThrow(FileError);
    }));
});
