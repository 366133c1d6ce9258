import { setImmediate } from "node:timers/promises";

const idle = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits as Gpu.settle does, for libraries that have no such thing: a plain await would make Dawn's binding poll, and take
 * from a software adapter a core that ours leaves to it.
 */
export async function settle<T>(promise: Promise<T>): Promise<T> {
  const state = { waiting: true };
  const stop = (): void => {
    state.waiting = false;
  };
  promise.then(stop, stop);
  await setImmediate();
  while (state.waiting) {
    Atomics.wait(idle, 0, 0, 1);
    await setImmediate();
  }
  return promise;
}
