/** Generated inputs per property: a few hundred in `npm test`, more with ALBERT_GPU_FUZZ_RUNS=20000 (`npm run fuzz`). */
export const RUNS = Number(process.env["ALBERT_GPU_FUZZ_RUNS"] ?? 300);

/** Longest any single input may take, in milliseconds. */
export const LIMIT_MS = 1000;

/** Runs `read` on one input: a result, or an error of `allowed`, within the time limit; anything else throws. */
export async function survives<T>(
  read: () => T | Promise<T>,
  allowed: readonly (abstract new (...args: never[]) => Error)[],
): Promise<T | undefined> {
  const start = performance.now();
  let result: T | undefined;
  try {
    result = await read();
  } catch (error) {
    if (!allowed.some((type) => error instanceof type)) throw error;
    const { message } = error as Error;
    if (message.length === 0 || message.includes("undefined")) {
      throw new Error(`the message must say what is wrong; got "${message}"`, { cause: error });
    }
  }
  const ms = performance.now() - start;
  if (ms > LIMIT_MS) throw new Error(`one input must take at most ${LIMIT_MS} ms; took ${ms}`);
  return result;
}
