import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { DeviceError, KernelError, ShapeError } from "../../engine/errors.ts";
import { openDevice } from "../../engine/device.ts";
import { Gpu } from "../../engine/gpu.ts";
import { openGpu } from "../../engine/open.ts";
import { add } from "../../engine/ops/add.ts";
import { gatherRows } from "../../engine/ops/gather-rows.ts";
import { Tensor } from "../../engine/tensor.ts";
import { add as addKernel } from "../../kernels/add.ts";
import { fillInto } from "../../engine/ops/fill.ts";
import { fill } from "../../kernels/fill.ts";
import { defineKernel } from "../../kernels/kernel.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();

/** A GPU that a test may break. */
async function openOwn(): Promise<Gpu> {
  const own = await openGpu();
  onTestFinished(() => own.close());
  return own;
}

describe("memory", () => {
  it("brings uploaded values back, also those longer than one write", async () => {
    const values = Float32Array.from({ length: 3 * (1 << 20) + 5 }, (_, i) => i);
    const tensor = gpu.upload(values);
    expect(
      Buffer.compare(Buffer.from((await gpu.read(tensor)).buffer), Buffer.from(values.buffer)),
    ).toBe(0);
    gpu.release(tensor);
  });

  it("overwrites a range of a buffer and nothing beside it", async () => {
    const whole = new Tensor([192], gpu.persistent("whole", 192 * 4));
    gpu.set(new Tensor([3], whole.buffer, 256), Float32Array.of(1, 2, 3));
    const values = await gpu.read(whole);
    expect([...values.subarray(60, 70)]).toEqual([0, 0, 0, 0, 1, 2, 3, 0, 0, 0]);
    whole.buffer.gpu.destroy();
  });

  it("reads the values a tensor has after the submit, not before", async () => {
    const x = gpu.upload(Float32Array.of(1, 1));
    const reading = gpu.readLater(x);
    fillInto(gpu, x, 7);
    gpu.submit();
    expect([...(await gpu.settle(reading))]).toEqual([7, 7]);
    gpu.release(x);
  });

  it("keeps two uploads of one size apart though nothing was submitted between", async () => {
    // Outside a step, and with nothing recorded, each op frees its index at once.
    const x = gpu.upload(Float32Array.of(10, 20, 30), [3, 1]);
    const first = gatherRows(gpu, x, Uint32Array.of(0));
    const second = gatherRows(gpu, x, Uint32Array.of(2));
    expect([...(await gpu.read(first)), ...(await gpu.read(second))]).toEqual([10, 30]);
  });

  it("refuses values that do not fill the shape, empty tensors and tensors past the binding limit", () => {
    expect(() => gpu.upload(Float32Array.of(1, 2), [3])).toThrow(
      "upload: [3] needs 3 values; got 2.",
    );
    expect(() => gpu.set(gpu.empty([3]), Float32Array.of(1))).toThrow(
      "set: [3] needs 3 values; got 1.",
    );
    for (const shape of [[0, 4], [-2, -3], [1.5, 2], [NaN]]) {
      expect(() => gpu.empty(shape)).toThrow(ShapeError);
    }
    const rows = gpu.largestBinding / 4 + 1;
    expect(() => gpu.empty([rows])).toThrow(DeviceError);
    expect(() => gpu.empty([rows])).toThrow(/Use a smaller batch or length/);
  });

  it("refuses arrays whose bytes it would take for other numbers", () => {
    for (const values of [Float64Array.of(1, 2), Int32Array.of(1, 2), [1, 2]]) {
      const kind = Object.prototype.toString.call(values).slice(8, -1);
      const wrong = values as unknown as Float32Array;
      const refusal = `values must be a Float32Array or a Uint32Array; got ${kind}.`;
      expect(() => gpu.upload(wrong)).toThrow(`upload: ${refusal}`);
      expect(() => gpu.set(gpu.empty([2]), wrong)).toThrow(`set: ${refusal}`);
    }
  });

  it("frees what was uploaded in a scope, and overwrites none of it before the submit", async () => {
    const run = async () => {
      const y = gpu.scope(() => {
        const [a, b] = [1, 2].map((value) => gpu.upload(Float32Array.of(value, value)));
        return add(gpu, a!, b!);
      });
      const later = gpu.upload(Float32Array.of(9, 9));
      expect([...(await gpu.read(y))]).toEqual([3, 3]);
      for (const tensor of [y, later]) gpu.release(tensor);
    };
    await run();
    const { poolBuffers } = gpu;
    for (let i = 0; i < 50; i++) await run();
    expect(gpu.poolBuffers).toBe(poolBuffers);
  });

  it("frees what a scope made but its result", async () => {
    const x = gpu.upload(Float32Array.from({ length: 100_000 }, (_, i) => i));
    const run = () => gpu.scope(() => add(gpu, add(gpu, x, x), add(gpu, x, x)));
    const y = run();
    const { poolBuffers } = gpu;
    const other = run();
    expect(gpu.poolBuffers).toBeLessThanOrEqual(poolBuffers + 1);
    expect(other.buffer).not.toBe(y.buffer);
    expect((await gpu.read(y))[99_999]).toBe(4 * 99_999);
    for (const tensor of [x, y, other]) gpu.release(tensor);
  });
});

describe("a tensor", () => {
  it("that was released is refused, wherever it is used, and its memory is the next one's", async () => {
    const x = gpu.empty([3]);
    gpu.set(x, Float32Array.of(1, 2, 3));
    gpu.release(x);
    const next = gpu.empty([3]);
    expect(next.buffer.gpu).toBe(x.buffer.gpu);
    gpu.set(next, Float32Array.of(4, 5, 6));
    expect(() => gpu.set(x, Float32Array.of(7, 8, 9))).toThrow("gpu.set: tensors must not be");
    expect(() => add(gpu, next, x)).toThrow(
      "add-scalar/forward: tensors must not be released yet; got one [3] that was.",
    );
    await expect(gpu.read(x)).rejects.toThrow("gpu.readLater: tensors must not be released");
    expect(() => gpu.release(x)).toThrow(DeviceError);
    expect([...(await gpu.read(next))]).toEqual([4, 5, 6]);
    gpu.release(next);
  });

  it("that is released before its values are copied still gives them", async () => {
    const x = gpu.empty([3]);
    gpu.set(x, Float32Array.of(1, 2, 3));
    const y = add(gpu, x, x);
    const values = gpu.readLater(y);
    gpu.release(y);
    const other = add(gpu, x, x);
    expect(other.buffer.gpu).not.toBe(y.buffer.gpu);
    gpu.submit();
    expect([...(await gpu.settle(values))]).toEqual([2, 4, 6]);
    expect(gpu.like(y).buffer.gpu).toBe(y.buffer.gpu); // free again
  });

  it("over a part of a pool's buffer is that part, and none over what is not there", async () => {
    const whole = gpu.upload(Float32Array.from({ length: 128 }, (_, i) => i));
    expect([...(await gpu.read(add(gpu, whole, whole)))].slice(0, 2)).toEqual([0, 2]); // known by now
    const half = new Tensor([64], whole.buffer, 256);
    const want = Array.from({ length: 64 }, (_, i) => 2 * (64 + i));
    expect([...(await gpu.read(add(gpu, half, half)))]).toEqual(want);
    expect(() => new Tensor([65], whole.buffer, 256)).toThrow(
      "Tensor: [65] from byte 256 on must lie in its buffer; it has 512 bytes.",
    );
    const uneven = new Tensor([2], whole.buffer, 4);
    expect(() => add(gpu, uneven, uneven)).toThrow(
      /"a" must start at a multiple of 256 bytes; got 4/,
    );
  });

  it("of another Gpu is refused, also where its number is one of this Gpu's buffers", async () => {
    const [own, other] = [await openOwn(), await openOwn()];
    const [x, y] = [own, other].map((one) => one.upload(Float32Array.of(1, 2))) as [Tensor, Tensor];
    expect([...(await own.read(add(own, x, x)))]).toEqual([2, 4]);
    expect(y.buffer.id).toBe(x.buffer.id);
    const refusal = "tensors must be of the same Gpu; got one [2] of another.";
    expect(() => add(own, y, y)).toThrow(refusal);
    expect(() => own.set(y, Float32Array.of(3, 4))).toThrow(refusal);
    await expect(own.read(y)).rejects.toThrow(refusal);
    // Nothing of it reached a device.
    expect([...(await other.read(add(other, y, y)))]).toEqual([2, 4]);
    expect([...(await own.read(x))]).toEqual([1, 2]);
  });
});

describe("launches", () => {
  it("refuse to read and write one buffer, before anything is encoded", async () => {
    const x = gpu.upload(Float32Array.of(1, 2, 3, 4));
    expect(() =>
      gpu.launch(addKernel[0], "accumulate", { a: x, y: x }, { N: 4 }, [1, 1, 1]),
    ).toThrow(
      'add/accumulate: "y" is written and must not lie in one buffer with "a", which is read.',
    );
    expect([...(await gpu.read(x))]).toEqual([1, 2, 3, 4]);
  });

  it("refuse more workgroups than a dimension takes", () => {
    const y = gpu.empty([4]);
    expect(() => gpu.launch(fill[0], "forward", { y }, { N: 4, value: 0 }, [65_536, 1, 1])).toThrow(
      "fill/forward: at most 65535 workgroups per dimension; got [65536, 1, 1].",
    );
  });

  it("name the file and line of a WGSL error, in whichever of the joined files it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wgsl-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = (name: string, lines: readonly string[]) => {
      const path = join(folder, name);
      writeFileSync(path, `${lines.join("\n")}\n`);
      return { path, url: pathToFileURL(path).href };
    };
    const good = ["fn one() -> f32 {", "  return 1.0;", "}"];
    const bad = ["fn two() -> f32 {", "  return undeclared;", "}"];
    const main = [
      "@group(0) @binding(0) var<storage, read_write> y: array<f32>;",
      "@compute @workgroup_size(1)",
      "fn forward() { y[0] = one() + two(); }",
    ];
    const [a, b, c] = [file("a.wgsl", good), file("b.wgsl", bad), file("c.wgsl", main)];
    const kernel = defineKernel("broken", {
      files: [a.url, b.url, c.url],
      params: { N: "u32" },
      constants: { LANES: 64, OTHER: false },
      entries: { forward: ["y"] },
    });
    const null_ = await openGpu({ backend: "null" });
    onTestFinished(() => null_.close());
    const launch = () =>
      null_.launch(kernel, "forward", { y: null_.empty([1]) }, { N: 1 }, [1, 1, 1]);
    expect(launch).toThrow(KernelError);
    expect(launch).toThrow(`${b.path}:2:10 error`);
    // The error was thrown where it belongs, so it does not come again.
    null_.check();
  });
});

describe("errors of the GPU", () => {
  it("surface as a DeviceError in the same submit or the next call, and stay", async () => {
    const broken = await openOwn();
    const x = new Tensor([4], broken.persistent("x", 16));
    // WebGPU reports a buffer that is gone when the work is submitted.
    fillInto(broken, x, 0);
    x.buffer.gpu.destroy();
    const next = () => {
      broken.submit();
      broken.upload(Float32Array.of(1));
    };
    expect(next).toThrow(DeviceError);
    expect(() => broken.upload(Float32Array.of(1))).toThrow(/gpu: .*destroyed/s);
    await expect(broken.read(x)).rejects.toThrow(DeviceError);
  });

  it("surface when a device is lost, with what to do", async () => {
    const { device, info } = await openDevice({ backend: "null" });
    const lost = new Gpu(device, info);
    device.destroy();
    await device.lost;
    await Promise.resolve();
    expect(() => lost.upload(Float32Array.of(1))).toThrow(/the device was lost.*last checkpoint/s);
  });
});

describe("a closed GPU", () => {
  it("refuses every further use", async () => {
    const closed = await openOwn();
    const x = closed.upload(Float32Array.of(1));
    closed.close();
    closed.close(); // twice is once
    for (const use of [
      () => closed.upload(Float32Array.of(1)),
      () => closed.empty([1]),
      () => closed.persistent("state", 4),
      () => closed.set(x, Float32Array.of(1)),
      () => closed.readLater(x),
    ]) {
      expect(use).toThrow("gpu: it was closed.");
    }
    expect(() => closed.step("s", () => undefined)).toThrow(DeviceError);
    expect(() => add(closed, x, x)).toThrow(DeviceError);
    expect(() => closed.submit()).toThrow(DeviceError);
    await expect(closed.read(x)).rejects.toThrow(DeviceError);
  });

  it("rejects the reads that are under way, submitted or not", async () => {
    const closing = await openOwn();
    const x = closing.upload(new Float32Array(1 << 20));
    const submitted = closing.readLater(x);
    closing.submit();
    const waiting = closing.readLater(x);
    closing.close();
    await expect(submitted).rejects.toThrow(DeviceError);
    const outcome = await Promise.race([
      waiting.then(
        () => "kept",
        (error: unknown) => error,
      ),
      new Promise((resolve) => setTimeout(resolve, 500, "never settled")),
    ]);
    expect(outcome).toBeInstanceOf(DeviceError);
  });
});
