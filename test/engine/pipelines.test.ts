import { expect, it } from "vitest";
import { noCalls } from "../../engine/api-calls.ts";
import { PipelineCache } from "../../engine/pipelines.ts";
import { Tensor } from "../../engine/tensor.ts";
import { fill } from "../../kernels/fill.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu({ backend: "null" });

// A program may open and destroy models for as long as it likes.
it("forgets the bind groups of buffers that are gone, and no others", () => {
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    gpu.persistent(name, 1024),
  );
  const calls = noCalls();
  const cache = new PipelineCache(first!.device, calls, () => undefined);
  const pipeline = cache.get(fill[1], "scaled", {});
  const bind = (bytes: number) => {
    const [y, gone, kept] = [first!, second!, third!].map(
      (buffer) => new Tensor([bytes / 4], buffer),
    );
    return [gone!, kept!].map((factor) => cache.bindGroup(pipeline, { y: y!, factor }));
  };
  const groups = [bind(1024), bind(512)]; // whole buffers and parts
  cache.forget([{ id: third!.id + 1 }]);
  expect([bind(1024), bind(512)]).toEqual(groups);
  expect(calls.bindGroups).toBe(4);
  cache.forget([second!]);
  for (const [i, bytes] of [1024, 512].entries()) {
    const [made, kept] = bind(bytes);
    expect(made).not.toBe(groups[i]![0]);
    expect(kept).toBe(groups[i]![1]);
  }
  expect(calls.bindGroups).toBe(6);
  gpu.destroyPersistent(first!, second!, third!);
  expect(() => bind(1024)).toThrow(/released|destroyed/);
});
