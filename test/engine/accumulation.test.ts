import { describe, expect, it } from "vitest";
import { adamw, gradientNorm } from "../../engine/ops/adamw.ts";
import { add } from "../../engine/ops/add.ts";
import type { ParameterSet } from "../../engine/parameters.ts";
import { Tensor } from "../../engine/tensor.ts";
import { parametersOf, project } from "../support/check-op.ts";
import { openTestGpu } from "../support/device.ts";

const gpu = await openTestGpu();
const SETTINGS = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

/** Adds `by` to the gradient of a parameter of 3 values. */
function addGradient(set: ParameterSet, name: string, by: number): void {
  gpu.tape.gradients(() =>
    project(gpu, set.tensor(name), gpu.upload(new Float32Array(3).fill(by))),
  );
}

/** The gradients of p and q. */
async function gradients(set: ParameterSet): Promise<number[][]> {
  const parts = set.split(await gpu.read(set.gradients));
  return [...parts.values()].map(({ data }) => [...data]);
}

function update(set: ParameterSet): void {
  const moments = ["m", "v"].map(
    (name) => new Tensor([set.size], gpu.persistent(name, 4 * set.size)),
  );
  const [m, v] = moments as [Tensor, Tensor];
  adamw(gpu, set, { m, v }, gradientNorm(gpu, set, 1), 0.1, 1, SETTINGS);
  gpu.submit();
  gpu.destroyPersistent(m.buffer, v.buffer);
}

const twoParameters = (): ParameterSet => parametersOf(gpu, { p: [3], q: [3] });

describe("sums of gradients", () => {
  it("go on until the update and begin anew after it, of those that get none too", async () => {
    const set = twoParameters();
    addGradient(set, "p", 1);
    addGradient(set, "q", 2);
    addGradient(set, "p", 4);
    expect(await gradients(set)).toEqual([
      [5, 5, 5],
      [2, 2, 2],
    ]);
    update(set);
    addGradient(set, "p", 8);
    expect(await gradients(set)).toEqual([
      [8, 8, 8],
      [0, 0, 0],
    ]);
    addGradient(set, "q", 16);
    expect(await gradients(set)).toEqual([
      [8, 8, 8],
      [16, 16, 16],
    ]);
    set.destroy();
  });

  it("are those of one use where an op passes a gradient on as it is", async () => {
    const set = twoParameters();
    const both = (): Tensor =>
      project(
        gpu,
        add(gpu, set.tensor("p"), set.tensor("q")),
        gpu.upload(Float32Array.of(1, 2, 3)),
      );
    for (let i = 0; i < 2; i++) {
      gpu.tape.gradients(both);
      expect(await gradients(set)).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]);
      update(set);
    }
    set.destroy();
  });

  it("of another set are left alone by an update", async () => {
    const [one, other] = [twoParameters(), twoParameters()];
    for (const set of [one, other]) addGradient(set, "p", 1);
    update(one);
    for (const set of [one, other]) addGradient(set, "p", 1);
    expect((await gradients(one))[0]).toEqual([1, 1, 1]);
    expect((await gradients(other))[0]).toEqual([2, 2, 2]);
    for (const set of [one, other]) set.destroy();
  });

  it("begin anew after a step that failed, whose part of them was dropped", async () => {
    const set = twoParameters();
    addGradient(set, "p", 1);
    update(set);
    const fail = (): void =>
      gpu.step("fails", () => {
        addGradient(set, "p", 2);
        throw new Error("on purpose");
      });
    expect(fail).toThrow("on purpose");
    addGradient(set, "p", 4);
    expect(await gradients(set)).toEqual([
      [4, 4, 4],
      [0, 0, 0],
    ]);
    set.destroy();
  });

  it("go on after a rehearsal, which adds nothing to them and uses none", async () => {
    const set = twoParameters();
    addGradient(set, "p", 1);
    await gpu.rehearse(() => {
      gpu.step("rehearsed", () => {
        addGradient(set, "q", 2);
        update(set);
      });
      return Promise.resolve();
    });
    addGradient(set, "p", 4);
    expect(await gradients(set)).toEqual([
      [5, 5, 5],
      [0, 0, 0],
    ]);
    set.destroy();
  });
});
