import { expect, it } from "vitest";
import { ShapeError } from "../../engine/errors.ts";
import { activation } from "../../engine/ops/activation.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();

it("compiles what the steps of a rehearsal name, launches nothing, and the step then compiles nothing", async () => {
  const x = gpu.upload(Float32Array.of(1, 2, 3, 4), [2, 2]);
  gpu.submit();
  const run = () =>
    gpu.step("rehearsed", () => gpu.readLater(activation(gpu, matmul(gpu, "NN", x, x), "relu")));
  const before = { ...gpu.calls };
  const progress: [number, number][] = [];
  await gpu.rehearse(run, (done, total) => progress.push([done, total]));
  expect(gpu.calls.dispatches).toBe(before.dispatches);
  expect(gpu.calls.submits).toBe(before.submits);
  expect(gpu.calls.pipelines - before.pipelines).toBe(2);
  expect(progress).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  expect([...(await gpu.settle(run()))]).toEqual([7, 10, 15, 22]);
  expect(gpu.calls.pipelines - before.pipelines).toBe(2);
  await gpu.rehearse(run, (done, total) => progress.push([done, total]));
  expect(progress.slice(3)).toEqual([[0, 0]]); // all there
});

it("passes on what is thrown in it, and is over then", async () => {
  const wrong = () => {
    gpu.step("wrong", () => matmul(gpu, "NN", gpu.empty([2, 3]), gpu.empty([2, 3])));
    return Promise.resolve();
  };
  await expect(gpu.rehearse(() => Promise.resolve().then(wrong))).rejects.toThrow(ShapeError);
  const y = gpu.step("after", () =>
    gpu.readLater(activation(gpu, gpu.upload(Float32Array.of(-1, 5)), "relu")),
  );
  expect([...(await gpu.settle(y))]).toEqual([0, 5]);
});
