import { afterEach, describe, expect, it, vi } from "vitest";
import { explanationText, legend } from "../../../cli/explain/terminal.ts";
import type { Explanation } from "../../../train/index.ts";

const view = { names: ["fake", "real"], maxLength: 64 };
const word = (text: string, attribution: number) => ({ text, start: 0, end: 0, attribution });
const explanation: Explanation = {
  logits: Float32Array.of(-1, 2),
  baselineLogits: Float32Array.of(0, 0.5),
  predicted: 1,
  classId: 1,
  score: 3,
  baseline: 0.5,
  sum: 2.5,
  error: 0,
  bound: 0.025,
  complete: true,
  points: 8,
  text: "",
  tokens: [],
  words: [word("good", 3), word("plain", 0.01), word("bad\u001b[2J", -0.5)],
  truncated: false,
};
const stream = (isTTY: boolean, depth = 4) =>
  ({ isTTY, write: () => true, on: () => 0, pipe: () => 0, getColorDepth: () => depth }) as never;

afterEach(() => vi.unstubAllEnvs());

describe("explanations in a terminal", () => {
  it("have colours on a terminal that shows them", () => {
    vi.stubEnv("FORCE_COLOR", undefined);
    const text = explanationText(stream(true), view, explanation);
    expect(text).toContain(
      "\u001b[44m\u001b[37m\u001b[1mgood\u001b[22m\u001b[39m\u001b[49m plain ",
    );
    expect(text).toContain("\u001b[31mbad\ufffd[2J\u001b[39m");
    expect(legend(stream(true), view, 1)).toContain("\u001b[44m");
  });

  it.each([
    ["a pipe", false, 4],
    ["a terminal without colours, or with NO_COLOR", true, 1],
  ])("have none for %s", (_, isTTY, depth) => {
    vi.stubEnv("FORCE_COLOR", undefined);
    const text = explanationText(stream(isTTY, depth), view, explanation);
    expect(text).not.toContain("\u001b");
    expect(text).toContain("good plain bad\ufffd[2J");
    expect(text).toContain("   +3.00 ████████████████████████ good\n");
    expect(text).toContain("   -0.50 ░░░░                     bad\ufffd[2J\n");
  });

  it("have colours anywhere with FORCE_COLOR", () => {
    vi.stubEnv("FORCE_COLOR", "1");
    expect(explanationText(stream(false), view, explanation)).toContain("\u001b[44m");
  });

  it("warn where the parts do not add up, and say where a text was cut", () => {
    const bad = { ...explanation, sum: 1.5, error: 1, complete: false, truncated: true };
    const text = explanationText(stream(false), view, bad);
    expect(text).toContain("warning: sum +1.500 of +2.500");
    expect(text).toContain("misses by 1.000, more than 0.025");
    expect(text).toContain(" … (cut at 0 tokens)");
  });

  it("name what more than two classes are weighed against", () => {
    const names = ["a", "b", "c"];
    const three = { ...explanation, logits: Float32Array.of(0, 1, 2), predicted: 2, classId: 0 };
    const text = explanationText(stream(false), { ...view, names }, three);
    expect(text).toMatch(/^c 0\.665, explained for a: logit above the others' mean \+3\.00/);
    expect(legend(stream(false), { ...view, names }, 0)).toContain("to a (█) or away from a (░)");
  });
});
