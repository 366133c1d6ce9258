import { setImmediate } from "node:timers/promises";

const idle = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits for a promise that Dawn will keep. A plain await makes Dawn poll from the event loop and takes a whole core, which a
 * software adapter needs itself: so the thread sleeps, and gives the event loop one turn a millisecond.
 */
export async function asleep<T>(promise: Promise<T>): Promise<T> {
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
