// Work of the host that is done while the device is busy.

import { checkInteger } from "./arguments.ts";

/**
 * The same items in the same order, at most `depth` of them made before they are asked for: what makes them runs while
 * their reader waits for something else. An error comes where its item would. Throws ArgumentError for a depth below 1.
 */
export async function* prefetch<T>(
  items: AsyncIterable<T>,
  depth: number,
): AsyncGenerator<T, void, undefined> {
  checkInteger("depth", depth, 1);
  const source = items[Symbol.asyncIterator]();
  const queue: Promise<IteratorResult<T>>[] = [];
  const ask = (): void => {
    const next = source.next();
    next.catch(() => undefined); // handled where it is awaited, which may be after its reader left
    queue.push(next);
  };
  try {
    while (queue.length < depth) ask();
    for (;;) {
      const next = await queue.shift()!;
      if (next.done) return;
      ask();
      yield next.value;
    }
  } finally {
    // Not awaited: a source that waits for input would keep an error from being told.
    source.return?.()?.catch(() => undefined);
  }
}
