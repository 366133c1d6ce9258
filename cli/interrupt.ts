import { EXIT } from "./errors.ts";

/** How a command that listens to Ctrl-C and SIGTERM is ended. */
export interface Interrupt {
  /** Aborted by the first signal after `finishGently`. */
  readonly signal: AbortSignal;
  /** From now on the first signal only aborts `signal`, so that work can be saved. `told` says so. */
  finishGently(told: () => void): void;
  /** Stops listening. */
  dispose(): void;
}

/** Listens to SIGINT and SIGTERM. Until `finishGently`, and at the second signal after it, the process ends with exit code 130 after `leave`. */
export function onInterrupt(leave: () => void): Interrupt {
  const controller = new AbortController();
  let tell: (() => void) | undefined;
  const listener = (): void => {
    if (tell === undefined || controller.signal.aborted) {
      leave();
      process.exit(EXIT.interrupted);
    }
    controller.abort();
    tell();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    finishGently: (told) => {
      tell = told;
    },
    dispose: () => {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
