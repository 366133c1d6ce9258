// Times of single dispatches by GPU timestamps, in a mode of its own: one pass per dispatch, which a real step never has.

import type { AdapterInfo } from "./device.ts";
import { DeviceError } from "./errors.ts";

/** Summed device time of one kernel entry. */
export interface Span {
  /** "layer-norm/forward". */
  readonly label: string;
  readonly count: number;
  readonly ms: number;
}

/** Dispatches one query set can time: WebGPU allows 4,096 queries, two each. */
const CAPACITY = 2048;

/** Whether `Gpu.profile` works on an adapter. */
export const hasTimestamps = ({ features }: Pick<AdapterInfo, "features">): boolean =>
  features.includes("timestamp-query");

/**
 * Milliseconds of each pass by its stamps, two a pass in order, in nanoseconds. Vulkan may stamp the begin of a pass while
 * the one before still runs: what the two share is the first one's.
 */
export function durations(stamps: BigUint64Array): number[] {
  let last = 0n;
  return Array.from({ length: stamps.length / 2 }, (_, i) => {
    const [begin, end] = [stamps[2 * i]!, stamps[2 * i + 1]!];
    const from = begin > last ? begin : last;
    last = end > last ? end : last;
    return end > from ? Number(end - from) / 1e6 : 0;
  });
}

export class Profiler {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  #labels: string[] = [];

  /** Throws DeviceError, naming the adapter, where the device has no timestamps. destroy() frees the queries. */
  constructor(device: GPUDevice, adapter: string) {
    if (!device.features.has("timestamp-query")) {
      throw new DeviceError(
        `gpu.profile: the adapter must offer timestamp-query; ${adapter} does not.`,
      );
    }
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * CAPACITY });
  }

  /** What to begin the pass of the next dispatch with; no timestamps once the set is full. */
  pass(label: string): GPUComputePassDescriptor {
    if (this.#labels.length === CAPACITY) return { label };
    const at = 2 * this.#labels.length;
    this.#labels.push(label);
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [at, at + 1];
    const querySet = this.#queries;
    return { label, timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex } };
  }

  /** Waits for the device and sums the times since the last call, longest first. */
  async collect(): Promise<Span[]> {
    const labels = this.#labels;
    this.#labels = [];
    if (labels.length === 0) return [];
    const size = labels.length * 16;
    const { QUERY_RESOLVE, COPY_SRC, MAP_READ, COPY_DST } = GPUBufferUsage;
    const resolved = this.#device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    const read = this.#device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, labels.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(read.getMappedRange().slice(0));
    read.destroy();
    resolved.destroy();
    const sums = new Map<string, { count: number; ms: number }>();
    const times = durations(stamps);
    labels.forEach((label, i) => {
      const sum = sums.get(label) ?? { count: 0, ms: 0 };
      sum.count++;
      sum.ms += times[i]!;
      sums.set(label, sum);
    });
    return [...sums].map(([label, sum]) => ({ label, ...sum })).sort((a, b) => b.ms - a.ms);
  }

  destroy(): void {
    this.#queries.destroy();
  }
}
