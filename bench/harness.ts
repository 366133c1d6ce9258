// One case of the bench: check against a reference, warm up, time, compare with the adapter's own ceiling.

import { type Gpu, hasTimestamps, type Tensor } from "../engine/index.ts";
import { iqr, median } from "./statistics.ts";

/** What one launch of a kernel entry must do at least. */
export interface Cost {
  /** Floating-point operations; 0 where bytes are what counts. */
  readonly flops: number;
  readonly bytes: number;
  /** Labels of entries that are launched for this one; their whole time counts as its own. */
  readonly with?: readonly string[];
}

/** Something to time. Its inputs exist already, so that run() does the same work every time. */
export interface Case {
  /** "matmul", "attention": what the filter on the command line matches. */
  readonly name: string;
  readonly shape: string;
  /** Encodes the work, forward and backward; results may be freed at once. */
  run(): void;
  /** Throws when a result is not the reference's. */
  check(): Promise<void>;
  /** By the label of a kernel entry, "layer-norm/forward"; each of them becomes a row. */
  readonly costs: Readonly<Record<string, Cost>>;
  /** Frees what is not of the pool. */
  destroy?(): void;
}

export interface Row {
  readonly name: string;
  readonly kernel: string;
  readonly shape: string;
  /** Of one launch: device time by timestamps; wall time of the whole case where the adapter has none. */
  readonly medianMs: number;
  readonly iqrMs: number;
  readonly clock: "device" | "wall";
  readonly gflops: number | undefined;
  readonly gbps: number;
  /** Of the adapter's own multiply-add or copy rate, whichever this is nearer to; 1 is the ceiling. */
  readonly share: number;
}

/** The adapter's own limits, measured in the same run. */
export interface Ceiling {
  readonly gflops: number;
  readonly gbps: number;
}

/** Runs `encode`, then waits for all of it by reading one value. */
export async function finish(gpu: Gpu, encode: () => void, probe: Tensor): Promise<void> {
  encode();
  await gpu.read(probe);
}

/** Milliseconds of a kernel in each run: of one launch, and of all. */
export interface Times {
  readonly each: number[];
  readonly all: number[];
}

/**
 * Times by kernel label, one entry per run; "wall" is a whole run's. Two runs go before and are not counted: the first
 * compiles.
 */
export async function time(
  gpu: Gpu,
  encode: () => void,
  probe: Tensor,
  runs: number,
): Promise<Map<string, Times>> {
  const times = new Map<string, Times>();
  const note = (label: string, ms: number, count: number): void => {
    const { each, all } = times.get(label) ?? { each: [], all: [] };
    times.set(label, { each: [...each, ms / count], all: [...all, ms] });
  };
  for (let i = 0; i < 2; i++) await finish(gpu, encode, probe);
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await finish(gpu, encode, probe);
    note("wall", performance.now() - start, 1);
    if (!hasTimestamps(gpu.info)) continue;
    for (const { label, ms, count } of await gpu.profile(() => finish(gpu, encode, probe))) {
      note(label, ms, count);
    }
  }
  return times;
}

/** Checks and times a case. Throws what its check throws: a wrong kernel has no speed. */
export async function measure(
  gpu: Gpu,
  item: Case,
  probe: Tensor,
  runs: number,
  ceiling: Ceiling,
): Promise<Row[]> {
  await item.check();
  const times = await time(gpu, () => item.run(), probe, runs);
  const { name, shape } = item;
  return Object.entries(item.costs).flatMap(([kernel, { flops, bytes, with: others = [] }]) => {
    const device = times
      .get(kernel)
      ?.each.map((ms, run) =>
        others.reduce((sum, other) => sum + (times.get(other)?.all[run] ?? 0), ms),
      );
    if (hasTimestamps(gpu.info) && !device)
      throw new Error(`${name} ${shape}: ${kernel} was not launched.`);
    const values = device ?? times.get("wall")!.each;
    const medianMs = median(values);
    const gflops = flops > 0 ? flops / medianMs / 1e6 : undefined;
    const gbps = bytes / medianMs / 1e6;
    const share = Math.max((gflops ?? 0) / ceiling.gflops, gbps / ceiling.gbps);
    const clock = device ? ("device" as const) : ("wall" as const);
    return [{ name, kernel, shape, medianMs, iqrMs: iqr(values), clock, gflops, gbps, share }];
  });
}

/** Throws unless `found[i]` is `want(i)` to `bound` at a sample of places. */
export function expectNear(
  what: string,
  found: Float32Array,
  want: (i: number) => number,
  bound: number,
): void {
  const step = Math.max(1, Math.floor(found.length / 97));
  for (let i = 0; i < found.length; i += step) {
    const error = Math.abs(found[i]! - want(i));
    if (!(error <= bound)) {
      throw new Error(`${what}: element ${i} must be ${want(i)} to ${bound}; got ${found[i]}.`);
    }
  }
}
