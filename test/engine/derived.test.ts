import { afterAll, beforeEach, expect, it } from "vitest";
import { grid } from "../../kernels/kernel.ts";
import { fillInto } from "../../engine/ops/fill.ts";
import { matmulPack } from "../../kernels/matmul.ts";
import { Tensor } from "../../engine/tensor.ts";
import { openCountedGpu } from "../support/counted-gpu.ts";

const { gpu, take } = await openCountedGpu();
const buffer = gpu.persistent("parameter", 1024);
const parameter = new Tensor([4, 8], buffer, 256);
afterAll(() => {
  if (buffer.refs > 0) gpu.destroyPersistent(buffer);
});

const numbers = (first: number): Float32Array =>
  Float32Array.from({ length: 32 }, (_, i) => first + i);
const turned = (first: number): number[] =>
  Array.from({ length: 32 }, (_, i) => first + (i % 4) * 8 + Math.floor(i / 4));

let made = 0;
const copy = (): Tensor =>
  gpu.derived(parameter, "panels", [1, 8, 4], (p) => {
    made++;
    gpu.launch(matmulPack, "rows", { x: parameter, p }, { X: 4, K: 8 }, grid(1), { WIDTH: 4 });
  });
const read = async (): Promise<number[]> => [...(await gpu.read(copy()))];

beforeEach(async () => {
  gpu.set(parameter, numbers(0));
  await read();
  made = 0;
});

it("keeps what was made of a parameter from step to step, in the same buffer", async () => {
  take();
  const first = gpu.step("a", copy);
  const second = gpu.step("b", copy);
  const third = gpu.scope(copy);
  expect([second, third]).toEqual([first, first]);
  expect(await read()).toEqual(turned(0));
  expect(made).toBe(0);
  expect(take()).toMatchObject({ createBuffer: 0, createBindGroup: 0 });
});

it("makes it anew when the parameter was written, by gpu.set or by a launch", async () => {
  gpu.set(parameter, numbers(100));
  expect(await read()).toEqual(turned(100));
  const written = new Tensor([64], buffer); // another range of the same buffer, as AdamW's is
  fillInto(gpu, written, 3);
  expect([...(await gpu.read(parameter))].every((value) => value === 3)).toBe(false);
  expect(await read()).toEqual(turned(100));
  fillInto(gpu, parameter, 5);
  expect((await read()).every((value) => value === 5)).toBe(true);
  expect(made).toBe(3);
});

it("makes it anew when the launch that made it was dropped: a step that threw, a rehearsal", async () => {
  gpu.set(parameter, numbers(7));
  expect(() =>
    gpu.step("throws", () => {
      copy();
      throw new Error("of the step");
    }),
  ).toThrow("of the step");
  expect(await read()).toEqual(turned(7));
  gpu.set(parameter, numbers(9));
  await gpu.rehearse(() => gpu.step("rehearsed", () => gpu.readLater(copy())));
  expect(await read()).toEqual(turned(9));
  gpu.set(parameter, numbers(11));
  await gpu.rehearse(() => Promise.resolve(copy())); // outside a step
  expect(await read()).toEqual(turned(11));
  expect(made).toBe(6);
});

it("gives the memory back with the parameter's buffer", () => {
  const other = gpu.persistent("other", 1024);
  const ofOther = gpu.derived(new Tensor([4, 8], other), "nothing", [8, 4], () => {});
  const bytes = gpu.poolBytes;
  gpu.destroyPersistent(other);
  expect(ofOther.buffer.refs).toBe(0);
  expect(copy().buffer.refs).toBe(1);
  const third = gpu.persistent("third", 1024);
  gpu.derived(new Tensor([4, 8], third), "nothing", [8, 4], () => {});
  expect(gpu.poolBytes).toBe(bytes);
  gpu.destroyPersistent(third);
});
