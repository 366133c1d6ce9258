import { describe, expect, it } from "vitest";
import { summaryDistance, wholeDistance } from "../parity/distance.ts";
import { differences } from "../parity/same-golden.ts";
import { hashedUniform, UNIT } from "../support/hashed.ts";

const count = 20_000;
const values = (name: string, scale: number): Float32Array => {
  const u = hashedUniform(1, name);
  return Float32Array.from({ length: count }, (_, i) => scale * u(i));
};

describe("the distance from a gradient that is known by projections", () => {
  it("is near the true one, for a small and a large error", () => {
    const golden = values("golden", 1);
    const noise = values("noise", 1);
    for (const error of [1e-4, 1e-2, 1]) {
      const gradient = golden.map((value, i) => value + error * noise[i]!);
      const projections = Array.from({ length: 8 }, (_, j) => {
        const u = hashedUniform(3, `g#${j}`);
        return UNIT * golden.reduce((sum, value, i) => sum + value * u(i), 0);
      });
      const exact = wholeDistance(gradient, golden);
      const summary = { norm: Math.sqrt(golden.reduce((sum, x) => sum + x * x, 0)), projections };
      const estimated = summaryDistance("g", 3, gradient, summary);
      expect(exact.relative / error).toBeCloseTo(1, 1);
      expect(estimated.relative / exact.relative).toBeGreaterThan(0.4);
      expect(estimated.relative / exact.relative).toBeLessThan(2);
      expect(estimated.normError).toBeCloseTo(exact.normError, 6);
    }
  });

  it("is not small when a gradient holds NaN", () => {
    const golden = values("golden", 1);
    const broken = golden.with(7, NaN);
    expect(wholeDistance(broken, golden).relative).toBeNaN();
  });
});

describe("comparing golden files", () => {
  const packed = (...numbers: number[]): string =>
    Buffer.from(Float32Array.from(numbers).buffer).toString("base64");
  const long = Array.from({ length: 12 }, (_, i) => i + 1);

  it("allows rounding and names what differs by more", () => {
    const golden = { loss: 0.5, steps: [{ norm: 2 }], logits: [1, -2], packed: packed(...long) };
    expect(differences({ ...golden, loss: 0.500001 }, golden)).toEqual([]);
    expect(differences({ ...golden, loss: 0.51 }, golden)).toEqual(["/loss"]);
    expect(differences({ ...golden, steps: [{ norm: 2.1 }] }, golden)).toEqual(["/steps/0/norm"]);
    expect(differences({ ...golden, logits: [1, -2.1] }, golden)).toEqual(["/logits"]);
    const changed = packed(...long.with(3, 4.1));
    expect(differences({ ...golden, packed: changed }, golden)).toEqual(["/packed"]);
    expect(differences({ loss: 0.5 }, golden)).toHaveLength(3);
  });

  it("allows rounding in a few packed numbers too, and in no name", () => {
    const golden = { bias: packed(0.5, -0.25), name: "classifier.bias", kind: "gelu" };
    expect(differences({ ...golden, bias: packed(0.5000001, -0.25) }, golden)).toEqual([]);
    expect(differences({ ...golden, bias: packed(0.51, -0.25) }, golden)).toEqual(["/bias"]);
    expect(differences({ ...golden, name: "classifier.bial" }, golden)).toEqual(["/name"]);
    expect(differences({ ...golden, kind: "relu" }, golden)).toEqual(["/kind"]);
  });

  it("does not look at who made a file", () => {
    expect(differences({ madeBy: "a" }, { madeBy: "b" })).toEqual([]);
  });
});
