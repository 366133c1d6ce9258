/** A signal that the first Ctrl-C or SIGTERM sets; the second one ends the process. dispose() stops listening. */
export function onInterrupt(told: () => void): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    told();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
