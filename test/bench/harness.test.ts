import { describe, expect, it } from "vitest";
import { type Case, expectNear, measure } from "../../bench/harness.ts";
import { activation } from "../../engine/index.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();

describe("expectNear", () => {
  const want = (i: number): number => i / 10;

  it("passes values within the bound", () => {
    const found = Float32Array.from({ length: 50 }, (_, i) => want(i) + 1e-6);
    expect(() => expectNear("tenths", found, want, 1e-5)).not.toThrow();
  });

  it("notices one wrong value and names its place", () => {
    const found = Float32Array.from({ length: 50 }, (_, i) => want(i));
    found[31]! += 0.01;
    expect(() => expectNear("tenths", found, want, 1e-5)).toThrow(
      /tenths: element 31 must be 3\.1/,
    );
  });

  it("notices a value that is not a number", () => {
    expect(() => expectNear("tenths", Float32Array.of(NaN), want, 1e-5)).toThrow("got NaN");
  });

  it("looks at places all over a long result, its end included", () => {
    const found = Float32Array.from({ length: 9700 }, (_, i) => want(i));
    found.fill(0, 9500);
    expect(() => expectNear("tenths", found, want, 1e-2)).toThrow("must be 95");
  });
});

describe("measure", () => {
  const probe = gpu.upload(new Float32Array(1));
  const ceiling = { gflops: 100, gbps: 10 };

  function geluCase(want: (x: number) => number): Case & { runs: number } {
    const x = gpu.upload(Float32Array.from({ length: 300 }, (_, i) => i / 100 - 1.5));
    return {
      name: "activation",
      shape: "[300]",
      runs: 0,
      run() {
        this.runs++;
        gpu.release(activation(gpu, x, "tanh"));
      },
      async check() {
        const y = await gpu.read(activation(gpu, x, "tanh"));
        expectNear("tanh", y, (i) => want(i / 100 - 1.5), 1e-5);
      },
      costs: { "activation/forward": { flops: 0, bytes: 2400 } },
    };
  }

  it("refuses a case whose check throws, before running it", async () => {
    const wrong = geluCase((x) => Math.tanh(x) + 0.001);
    await expect(measure(gpu, wrong, probe, 3, ceiling)).rejects.toThrow("tanh: element 0");
    expect(wrong.runs).toBe(0);
  });

  it("gives one row per kernel, with the share of what bounds it", async () => {
    const item = geluCase(Math.tanh);
    const rows = await measure(gpu, item, probe, 3, ceiling);
    expect(rows.map((row) => row.kernel)).toEqual(["activation/forward"]);
    const [{ medianMs, gbps, gflops, share }] = rows as [(typeof rows)[0]];
    expect(medianMs).toBeGreaterThan(0);
    expect(gflops).toBeUndefined();
    expect(gbps).toBeCloseTo(2400 / medianMs / 1e6, 10);
    expect(share).toBeCloseTo(gbps / 10, 10);
    expect(item.runs).toBeGreaterThanOrEqual(5);
  });

  it("says when a kernel it should time was not launched", async () => {
    const item = geluCase(Math.tanh);
    const costs = { "activation/sideways": { flops: 0, bytes: 1 } };
    const measured = measure(gpu, Object.assign(item, { costs }), probe, 1, ceiling);
    if (gpu.info.features.includes("timestamp-query")) {
      await expect(measured).rejects.toThrow("activation/sideways was not launched");
    } else {
      expect((await measured)[0]?.clock).toBe("wall");
    }
  });
});
