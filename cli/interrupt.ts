import { EXIT } from "./errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a command that listens to Ctrl-C, SIGTERM and the end of its terminal is ended. */
export interface Interrupt {
  /** Aborted by the first signal after `finishGently`. */
  readonly signal: AbortSignal;
  /** From now on the first signal only aborts `signal`, so that work can be saved. `told` says so. */
  finishGently(told: () => void): void;
  /** Stops listening. */
  dispose(): void;
}

/** Listens to SIGINT, SIGTERM and SIGHUP. Until `finishGently`, and at the second signal after it, the process ends with exit code 130 after `leave`. */
export function onInterrupt(leave: () => void): Interrupt {
  const controller = new AbortController();
  let tell: (() => void) | undefined;
  const listener = (name: NodeJS.Signals): void => {
    if (name === "SIGHUP" && controller.signal.aborted) return; // system and shell may both send it
    if (tell === undefined || controller.signal.aborted) {
      leave();
      process.exit(EXIT.interrupted);
    }
    controller.abort();
    tell();
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    signal: controller.signal,
    finishGently: (told) => {
      tell = told;
    },
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
