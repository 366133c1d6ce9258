// Turns a peer's work into rows: check first, warm up, time, count.

import { expectNear } from "../harness.ts";
import { iqr, median } from "../statistics.ts";
import { type CallCounts, callsBetween } from "./calls.ts";
import { asleep } from "../../engine/asleep.ts";
import {
  layerFlops,
  layerInput,
  type LayerSizes,
  layerWeights,
  type MatmulShape,
  type Peer,
  type Task,
  values,
} from "./work.ts";

export interface PeerRow {
  readonly peer: string;
  readonly adapter: string;
  /** The same for all peers that did the same. */
  readonly work: string;
  /** Why there are no figures. */
  readonly cannot?: string;
  readonly figures?: {
    /** Wall clock from the first call to the read-back of one value. */
    readonly medianMs: number;
    readonly iqrMs: number;
    /** Of each run, where the peers took turns. */
    readonly timesMs?: readonly number[];
    readonly gflops: number;
  };
  /** Calls of the last run, its read-back among them; undefined where they cannot be seen. */
  readonly calls?: CallCounts | undefined;
}

/** How often a task is timed. */
export interface Runs {
  readonly count: number;
  /** Resolves when it is this peer's turn. */
  turn(): Promise<void>;
}

/**
 * Two runs that are not counted, then those that are, each in a turn and behind one that is not: training steps follow one
 * another, and the first after a rest finds the cores asleep. `counts` goes on rising while they run.
 */
async function timeTask(
  task: Task,
  runs: Runs,
  counts: CallCounts,
): Promise<{ times: number[]; calls: CallCounts }> {
  const times: number[] = [];
  let before = counts;
  for (let i = 0; i < 2; i++) await asleep(task.run());
  for (let i = 0; i < runs.count; i++) {
    await runs.turn();
    await asleep(task.run());
    before = { ...counts };
    const start = performance.now();
    await asleep(task.run());
    times.push(performance.now() - start);
  }
  return { times, calls: callsBetween(before, counts) };
}

async function row(
  peer: Peer,
  work: string,
  task: Task,
  flops: number,
  runs: Runs,
  counts: CallCounts,
): Promise<PeerRow> {
  const { times, calls } = await timeTask(task, runs, counts);
  const medianMs = median(times);
  return {
    peer: peer.name,
    adapter: peer.adapter,
    work,
    figures: { medianMs, iqrMs: iqr(times), timesMs: times, gflops: flops / medianMs / 1e6 },
    calls: peer.countable ? calls : undefined,
  };
}

/** A row of one product. Throws when the product is wrong at one of 97 places. */
export async function matmulRow(
  peer: Peer,
  shape: MatmulShape,
  runs: Runs,
  counts: CallCounts,
): Promise<PeerRow> {
  const { layout, M, N, K } = shape;
  const [a, b] = [values(1, M * K), values(2, K * N)];
  const task = await peer.matmul(shape, a, b);
  const want = (i: number): number => {
    const [m, n] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) {
      sum +=
        a[layout === "TN" ? k * M + m : m * K + k]! * b[layout === "NT" ? n * K + k : k * N + n]!;
    }
    return sum;
  };
  const found = await asleep(task.result!());
  if (found.length !== M * N)
    throw new Error(`${peer.name}: ${M * N} values are needed; got ${found.length}.`);
  expectNear(`${peer.name} matmul ${layout}`, found, want, 1e-5 * Math.sqrt(K));
  return row(peer, matmulName(shape), task, 2 * M * N * K, runs, counts);
}

/** A row of a layer's training step. Throws unless the first two losses are `losses`. */
export async function layerRow(
  peer: Peer,
  sizes: LayerSizes,
  losses: readonly [number, number],
  runs: Runs,
  counts: CallCounts,
): Promise<PeerRow> {
  const work = layerName(sizes);
  const task = await peer.layer(sizes, layerWeights(sizes), layerInput(sizes));
  if (typeof task === "string")
    return { peer: peer.name, adapter: peer.adapter, work, cannot: task };
  const found = [await asleep(task.run()), await asleep(task.run())] as const;
  const [drop, wanted] = [found[0] - found[1], losses[0] - losses[1]];
  // The drop is what the gradients and the update made, so it is held to a share of itself.
  if (!(Math.abs(found[0] - losses[0]) <= 1e-4) || !(Math.abs(drop - wanted) <= 0.02 * wanted)) {
    throw new Error(
      `${peer.name} layer: the first losses must be ${losses.join(", ")}; got ${found.join(", ")}.`,
    );
  }
  return row(peer, work, task, layerFlops(sizes), runs, counts);
}

export const matmulName = ({ layout, M, N, K }: MatmulShape): string =>
  `matmul ${layout} ${M} x ${N} x ${K}`;

export const layerName = ({ T, H, heads }: LayerSizes): string =>
  `layer step, 1 x ${T} tokens, H ${H}, ${heads} heads`;

export const stepName = (B: number, T: number): string => `ALBERT-base step, ${B} x ${T} tokens`;
