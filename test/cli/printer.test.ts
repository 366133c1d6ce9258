import { afterEach, expect, it, vi } from "vitest";
import { runCommandLine } from "../../cli/command-line.ts";
import { excerpt, Printer } from "../../cli/printer.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("stops the bars of a command that failed: their timers would keep the process alive", async () => {
  vi.useFakeTimers();
  const { isTTY } = process.stderr;
  process.stderr.isTTY = true;
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const printer = new Printer(true);
    printer.progress("train", 3).update(1);
    printer.progress("evaluate", 3).stop();
    expect(vi.getTimerCount()).toBe(1);
    expect(
      await runCommandLine(["evaluate", "--model", "none", "--data", "none.csv"], "1.0.0"),
    ).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    process.stderr.isTTY = isTTY;
  }
});

it("shows the beginning of a text without what would steer a terminal, and no half characters", () => {
  expect(excerpt("  a\n b\t")).toBe("a b");
  expect(excerpt("\x1b[31mred\x1b[0m")).toBe("\ufffd[31mred\ufffd[0m");
  expect(excerpt("😀".repeat(9), 5)).toBe("😀😀😀😀…");
});
