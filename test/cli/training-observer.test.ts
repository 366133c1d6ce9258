import { expect, it, vi } from "vitest";
import { Printer } from "../../cli/printer.ts";
import { trainingObserver, warnOfWarmup } from "../../cli/training-observer.ts";
import { MICRO_ARGUMENTS } from "../train/micro-run.ts";

it("warns of a run that ends within its warm-up", () => {
  const printer = new Printer(true);
  const line = vi.spyOn(printer, "line").mockImplementation(() => undefined);
  const args = { ...MICRO_ARGUMENTS, warmupSteps: 50, learningRate: 0.001 };
  warnOfWarmup(printer, args, 51);
  expect(line).not.toHaveBeenCalled();
  warnOfWarmup(printer, args, 50);
  expect(line.mock.calls.flat()).toEqual([
    "warning      50 steps end within the warm-up of 50: the learning rate never gets to 0.001; lower --warmup-steps",
  ]);
});

it("tells the speed and the time left without the first step, which may compile", () => {
  const lines: string[] = [];
  const printer = new Printer(true);
  vi.spyOn(printer, "line").mockImplementation((text = "") => void lines.push(text));
  const observer = trainingObserver(printer, { ...MICRO_ARGUMENTS, batchSize: 4 });
  const numbers = { loss: 1, learningRate: 0.1, gradientNorm: 1, lossScale: 1, finite: true };
  for (const [step, seconds] of [
    [1, 10],
    [2, 11],
    [3, 12],
  ] as const) {
    const place = { step, epoch: 0, totalSteps: 63, samples: 4 * step, seconds };
    observer.onStep!({ ...numbers, ...place });
    observer.onLog!({ step, epoch: 0, loss: 1, learning_rate: 0.1, grad_norm: 1 });
  }
  expect(lines.map((line) => line.split("  ").at(-1))).toEqual([
    "0.4 samples/s, 10 min 20 s left",
    "4.0 samples/s, 1 min 01 s left",
    "4.0 samples/s, 1 min 00 s left",
  ]);
});

it("says once how long the start took and how much of it was compiling, also when nothing was to compile", () => {
  const lines: string[] = [];
  const printer = new Printer(true);
  vi.spyOn(printer, "line").mockImplementation((text = "") => void lines.push(text));
  const clock = vi.spyOn(performance, "now");
  const compile = (...progress: [ms: number, done: number, total: number][]): void => {
    const observer = trainingObserver(printer, MICRO_ARGUMENTS);
    for (const [ms, done, total] of progress) {
      clock.mockReturnValue(ms);
      observer.onCompile!(done, total);
    }
  };
  compile([1000, 0, 2], [1300, 1, 2], [1640, 2, 2]);
  compile([900, 0, 0]);
  clock.mockRestore();
  expect(lines).toEqual([
    "started      in 1.6 s, 0.6 s of it compiling 2 kernels",
    "started      in 0.9 s, 0.0 s of it compiling 0 kernels",
  ]);
});
