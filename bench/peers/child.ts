// Runs one peer in a process of its own, forked by compare.ts, and sends its rows back. It works only when it has the turn.

import { once } from "node:events";
import { create } from "webgpu";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { openGpu } from "../../engine/index.ts";
import { evenly, presetRows } from "../steps.ts";
import { peerOf } from "./albert-gpu.ts";
import { countCalls } from "./calls.ts";
import { layerName, layerRow, matmulName, matmulRow, type PeerRow, stepName } from "./rows.ts";
import { LAYERS, MATMULS, type Peer } from "./work.ts";

/** What the parent asks for. */
export interface ChildRequest {
  /** A module of this folder. */
  readonly module: string;
  /** What that module's open takes besides the adapter. */
  readonly provider?: string;
  readonly name: string;
  readonly adapter?: string | undefined;
  readonly runs: number;
  /** The first two losses of each of LAYERS. */
  readonly losses: readonly (readonly [number, number])[];
  /** Whole training steps of ALBERT-base, [texts, tokens]; only ours has the model. */
  readonly steps: readonly (readonly [number, number])[];
}

/** What the modules of this folder that are named in PEERS export; the adapter is known once it was asked for. */
interface PeerModule {
  open(adapter?: string, provider?: string): Promise<Omit<Peer, "adapter"> & { adapter?: string }>;
}

const request = JSON.parse(process.argv[2]!) as ChildRequest;
prepareDriver();
const counts = countCalls();

/** Gives libraries written for browsers the adapter ours takes, and remembers its name. */
function provideNavigator(): () => string {
  const flags = [
    "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
    "disable-dawn-features=timestamp_quantization",
  ];
  const gpu = create(
    request.adapter === undefined ? flags : [...flags, `adapter=${request.adapter}`],
  );
  let name = "no WebGPU adapter asked for";
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter({ ...options, powerPreference: "high-performance" });
    if (adapter) name = [adapter.info.device, adapter.info.description].filter(Boolean).join(", ");
    return adapter;
  };
  const value = { gpu, userAgent: "Node", hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  return () => name;
}

async function openPeer(): Promise<Peer> {
  const name = provideNavigator();
  const module = (await import(new URL(request.module, import.meta.url).href)) as PeerModule;
  const peer = await module.open(request.adapter, request.provider);
  return { ...peer, adapter: peer.adapter ?? name() };
}

const send = (message: PeerRow | "turn"): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send!(message, (error: Error | null) => (error ? reject(error) : resolve()));
  });

/** Asks for the turn and waits for it. */
async function turn(): Promise<void> {
  const given = once(process, "message");
  await send("turn");
  await given;
}

/** Sends a row, or why there is none. */
async function attempt(work: string, make: () => Promise<PeerRow>): Promise<void> {
  let row: PeerRow;
  try {
    row = await make();
  } catch (error) {
    const cannot = error instanceof Error ? error.message : String(error);
    row = { peer: request.name, adapter: "", work, cannot };
  }
  await send(row);
}

await turn();
const runs = { count: request.runs, turn };
const gpu =
  request.module === "./albert-gpu.ts" ? await openGpu({ adapter: request.adapter }) : undefined;
const peer = gpu ? peerOf(gpu) : await openPeer();
for (const shape of MATMULS) {
  await attempt(matmulName(shape), () => matmulRow(peer, shape, runs, counts));
}
for (const [i, layer] of LAYERS.entries()) {
  await attempt(layerName(layer), () => layerRow(peer, layer, request.losses[i]!, runs, counts));
}
for (const [B, T] of gpu ? request.steps : []) {
  const work = stepName(B, T);
  for await (const step of presetRows(gpu!, "base", evenly(B, T), request.runs, ["train"])) {
    const { medianMs, iqrMs, gflops, calls } = step;
    const { dispatches, bindGroups, buffers, submits, writes } = calls;
    const figures = { medianMs, iqrMs, gflops };
    await send({
      peer: request.name,
      adapter: peer.adapter,
      work,
      figures,
      calls: { dispatches, bindGroups, buffers, submits, writes },
    });
  }
}
process.exit(0); // a live navigator.gpu would keep the process
