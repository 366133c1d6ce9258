import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { FileError } from "../../engine/index.ts";
import { openSafetensors, writeSafetensors } from "../../model/index.ts";
import { RUNS, survives } from "./runs.ts";

const folder = mkdtempSync(join(tmpdir(), "albert-gpu-fuzz-"));
const path = join(folder, "model.safetensors");
afterAll(() => rmSync(folder, { recursive: true }));

/** Opens a file and reads all it offers. */
async function readAll(bytes: Uint8Array): Promise<Map<string, Float32Array>> {
  writeFileSync(path, bytes);
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Float32Array>();
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
    return tensors;
  } finally {
    await file.close();
  }
}

function fileOf(header: string, data: Uint8Array): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const number = fc.oneof(
  fc.integer({ min: -2, max: 80 }),
  fc.double(),
  fc.constantFrom(2 ** 31, 2 ** 53, 1e300, -1, null, "4", [4]),
);
const info = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        dtype: fc.constantFrom("F32", "F16", "BF16", "I64", "F64", "X", "", 4 as unknown as string),
        shape: fc.oneof(fc.array(number, { maxLength: 5 }), fc.constantFrom(null, "4", {})),
        data_offsets: fc.oneof(fc.array(number, { maxLength: 3 }), fc.constantFrom(null, "0,4")),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.anything() },
);
const name = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "__metadata__",
    "__proto__",
    "constructor",
    "../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "",
  ),
);

describe("the safetensors reader, on generated files", () => {
  it("answers random bytes with a FileError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await survives(() => readAll(bytes), [FileError]);
      }),
      { numRuns: RUNS },
    );
  });

  it("answers headers that lie with a FileError, or reads what they truly describe", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, info), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 80 }),
        async (entries, data) => {
          const fields = entries.map(
            ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value) ?? "1"}`,
          );
          const read = await survives(
            () => readAll(fileOf(`{${fields.join(",")}}`, data)),
            [FileError],
          );
          if (!read) return;
          // What was accepted must fit the bytes that are there.
          const values = [...read.values()].reduce((sum, tensor) => sum + tensor.length, 0);
          expect(values * 2).toBeLessThanOrEqual(data.length);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("never believes a damaged file: any flipped or missing byte of a header is noticed or harmless", async () => {
    const original = [
      { name: "a", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { name: "b", shape: [1], data: Float32Array.of(7) },
    ];
    await writeSafetensors(path, original);
    const { readFileSync } = await import("node:fs");
    const good = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.option(fc.nat(good.length - 1)),
        async (at, flip, cut) => {
          const bytes = Buffer.from(good);
          bytes[at]! ^= flip;
          const read = await survives(
            () => readAll(cut === null ? bytes : bytes.subarray(0, cut)),
            [FileError],
          );
          if (cut !== null) expect(read).toBeUndefined();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("gives back what it wrote, for any names, shapes and values, and writes that one file alone", async () => {
    const tensor = fc
      .tuple(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
        fc.float32Array({ minLength: 64, maxLength: 64 }),
      )
      .map(([shape, values]) => ({
        shape,
        data: values.slice(
          0,
          shape.reduce((n, size) => n * size, 1),
        ),
      }));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          name.filter((key) => key !== "__metadata__"),
          tensor,
          { noNullPrototype: true },
        ),
        async (record) => {
          const tensors = Object.entries(record).map(([key, value]) => ({ name: key, ...value }));
          await writeSafetensors(path, tensors);
          expect(readdirSync(folder)).toEqual(["model.safetensors"]);
          const { readFileSync } = await import("node:fs");
          const read = await readAll(readFileSync(path));
          expect(read.size).toBe(tensors.length);
          for (const { name: key, data } of tensors) {
            const found = read.get(key)!;
            expect(new Uint32Array(found.buffer)).toEqual(new Uint32Array(data.slice().buffer));
          }
        },
      ),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  });
});
