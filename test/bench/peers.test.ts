import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { peerOf } from "../../bench/peers/albert-gpu.ts";
import { countCalls } from "../../bench/peers/calls.ts";
import { peerTable, ratioToOurs } from "../../bench/peers/compare.ts";
import { layerLosses } from "../../bench/peers/reference.ts";
import { layerRow, matmulRow, type PeerRow } from "../../bench/peers/rows.ts";
import { type MatmulShape, type Peer, transposed, values } from "../../bench/peers/work.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();
const counts = countCalls();
const ours = peerOf(gpu);
let turns = 0;
const runs = (count: number) => ({ count, turn: () => Promise.resolve(void turns++) });

const SIZES = { T: 6, H: 16, F: 40, heads: 2 };
const SHAPES: readonly MatmulShape[] = [
  { layout: "NN", M: 12, N: 20, K: 8 },
  { layout: "NT", M: 12, N: 20, K: 8 },
  { layout: "TN", M: 12, N: 20, K: 8 },
];

/** A peer that changes what ours finds. */
function spoiled(change: (c: Float32Array) => Float32Array): Peer {
  return {
    ...ours,
    async matmul(shape, a, b) {
      const task = await ours.matmul(shape, a, b);
      return { ...task, result: async () => change(await task.result!()) };
    },
  };
}

describe("a row of a product", () => {
  it.each(SHAPES)("of layout $layout is checked, timed and counted", async (shape) => {
    turns = 0;
    const row = await matmulRow(ours, shape, runs(3), counts);
    expect(turns).toBe(3); // warming up takes none
    expect(row.figures?.medianMs).toBeGreaterThan(0);
    expect(row.figures?.gflops).toBeCloseTo((2 * 12 * 20 * 8) / row.figures!.medianMs / 1e6, 10);
    expect(row.calls).toEqual({ dispatches: 1, bindGroups: 0, buffers: 0, submits: 1, writes: 0 });
  });

  it("is refused when one checked value is wrong", async () => {
    const peer = spoiled((c) => c.map((value, i) => (i === 40 ? value + 0.01 : value)));
    await expect(matmulRow(peer, SHAPES[0]!, runs(1), counts)).rejects.toThrow("element 40");
  });

  it("is refused when values are missing", async () => {
    const peer = spoiled((c) => c.subarray(1));
    await expect(matmulRow(peer, SHAPES[0]!, runs(1), counts)).rejects.toThrow(
      "240 values are needed",
    );
  });
});

describe("a row of a layer's training step", () => {
  const losses = layerLosses(SIZES);

  it("has the losses of the f64 reference before and after an update", async () => {
    const row = await layerRow(ours, SIZES, losses, runs(2), counts);
    expect(row.figures?.medianMs).toBeGreaterThan(0);
    expect(row.calls).toMatchObject({ bindGroups: 0, buffers: 0, submits: 1 });
  });

  it("is refused when the update does too little", async () => {
    const weaker = [losses[0], losses[0] - 1.1 * (losses[0] - losses[1])] as const;
    await expect(layerRow(ours, SIZES, weaker, runs(1), counts)).rejects.toThrow(
      "first losses must be",
    );
  });

  it("says why a peer has none", async () => {
    const peer: Peer = { ...ours, layer: () => Promise.resolve("it computes no gradients") };
    const row = await layerRow(peer, SIZES, losses, runs(1), counts);
    expect(row.cannot).toBe("it computes no gradients");
    expect(row.figures).toBeUndefined();
  });
});

describe("the work", () => {
  it("is the same numbers in every process, within the scale", () => {
    const found = values(3, 1000, 0.1);
    expect(found).toEqual(values(3, 1000, 0.1));
    expect(found.every((value) => Math.abs(value) <= 0.1)).toBe(true);
    expect(found.some((value) => value > 0.09) && found.some((value) => value < -0.09)).toBe(true);
  });

  it("turns [O, I] matrices for peers that multiply from the right", () => {
    const turned = transposed({ shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(turned).toEqual({ shape: [3, 2], values: Float32Array.of(1, 4, 2, 5, 3, 6) });
  });
});

describe("the table", () => {
  const row = (peer: string, work: string, medianMs: number): PeerRow => ({
    peer,
    adapter: "",
    work,
    figures: { medianMs, iqrMs: 1, gflops: 2 },
  });
  const rows: PeerRow[] = [
    row("albert-gpu", "product", 10),
    row("slow", "product", 45),
    { peer: "none", adapter: "", work: "product", cannot: "it cannot multiply" },
    row("slow", "step", 7),
  ];

  it("sets a peer's time against ours of the same work", () => {
    expect(ratioToOurs(rows[1]!, rows)).toBe(4.5);
  });

  it("sets each run against ours of the same turn where there were turns", () => {
    const inTurns = (peer: string, timesMs: number[]): PeerRow => ({
      ...row(peer, "product", 1),
      figures: { medianMs: 1, iqrMs: 1, gflops: 2, timesMs },
    });
    // The machine was ten times slower in the second half.
    const [ours, slow] = [inTurns("albert-gpu", [1, 1, 10]), inTurns("slow", [4, 4, 40])];
    expect(ratioToOurs(slow, [ours, slow])).toBe(4);
    expect(ratioToOurs(row("other", "product", 3), [ours])).toBe(3);
  });

  it("has no ratio without figures on both sides", () => {
    expect(ratioToOurs(rows[2]!, rows)).toBeUndefined();
    expect(ratioToOurs(rows[3]!, rows)).toBeUndefined();
  });

  it("shows the ratio, and why a row has no figures", () => {
    const lines = peerTable(rows);
    expect(lines.find((line) => line.includes("45.0 ms"))).toContain("4.50 x");
    expect(lines.find((line) => line.startsWith("  none"))).toContain("it cannot multiply");
  });
});

const installed = existsSync(
  new URL("../../bench/node_modules/onnxruntime-node/package.json", import.meta.url),
);

describe("onnxruntime", () => {
  it.skipIf(!installed).each(SHAPES)(
    "runs the model written for layout $layout (needs the peers: npm run bench -- --peers)",
    async (shape) => {
      const path = new URL("../../bench/peers/onnxruntime.mjs", import.meta.url).href;
      const module = (await import(path)) as {
        open(adapter: undefined, provider: string): Promise<Peer>;
      };
      const row = await matmulRow(await module.open(undefined, "cpu"), shape, runs(1), counts);
      expect(row.figures?.medianMs).toBeGreaterThan(0);
      expect(row.calls).toBeUndefined();
    },
  );
});
