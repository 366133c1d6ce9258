// Opening a GPU through Dawn. The only file that imports "webgpu".

import { create, globals } from "webgpu";
import type { WorkgroupLimits } from "../kernels/attention-matrix-division.ts";
import type { Kernel } from "../kernels/kernel.ts";
import type { MatrixShape } from "../kernels/matmul-matrix-tile.ts";
import { DeviceError, PrecisionError } from "./errors.ts";
import type { Precision } from "./matmul-variants.ts";

Object.assign(globalThis, globals);

/** What is known of the adapter that runs the kernels. */
export interface AdapterInfo {
  /** Device and driver as the adapter names them; the driver alone where that is a software one: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)". */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly backend: string;
  /** True when a CPU plays the GPU: its times say nothing about a GPU's. */
  readonly software: boolean;
  /** Matrices a subgroup multiplies at once, f16 to f32; none where the adapter has no tensor cores WebGPU reaches. */
  readonly matrixShapes: readonly MatrixShape[];
  /** Lanes of a subgroup, on AMD's GPUs the fewest, for which kernels ask; 0 without subgroups, or when their size varies. */
  readonly subgroupSize: number;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** Which GPU to open; without options the platform's preferred one. */
export interface DeviceOptions {
  /** Part of an adapter's native name, case-sensitive, to choose among several. */
  readonly adapter?: string | undefined;
  /** Of the operands of matrix products; "f16" needs the feature shader-f16. Default "f32". */
  readonly precision?: Precision | undefined;
  /** "vulkan", "metal", "d3d12", or "null": compiles shaders and runs nothing. Default: the platform's own. */
  readonly backend?: string | undefined;
}

export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
}

// Dawn crashes the process when the object create() returned is collected while a device lives, so all three stay here.
const pinned = new Set<unknown>();

const REMEDY = "Run `albert-gpu doctor` to see what is missing and to install a software driver.";

function wanted({ adapter, backend }: DeviceOptions): string {
  const named = adapter === undefined ? "" : ` with "${adapter}" in its name`;
  return named + (backend === undefined ? "" : ` of backend ${backend}`);
}

async function findAdapter(options: DeviceOptions): Promise<GPUAdapter> {
  // One adapter makes one device, so every call makes its own instance.
  const flags = [
    "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
    "disable-dawn-features=timestamp_quantization",
  ];
  if (options.adapter !== undefined) flags.push(`adapter=${options.adapter}`);
  if (options.backend !== undefined) flags.push(`backend=${options.backend}`);
  const gpu = create(flags);
  pinned.add(gpu);
  let adapter: GPUAdapter | null;
  try {
    // Without a preference Vulkan adapters keep their order of enumeration, and a software one may come first.
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (cause) {
    const text = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ");
    throw new DeviceError(
      `openDevice: an adapter${wanted(options)} is needed; ${text}. ${REMEDY}`,
      {
        cause,
      },
    );
  }
  if (!adapter) {
    throw new DeviceError(
      `openDevice: an adapter${wanted(options)} is needed; found none. ${REMEDY}`,
    );
  }
  pinned.add(adapter);
  return adapter;
}

const PLATFORM_BACKENDS: Readonly<Record<string, string>> = { darwin: "metal", win32: "d3d12" };

function describe(
  adapter: GPUAdapter,
  limits: Record<string, number>,
  backend: string,
): AdapterInfo {
  const { vendor, architecture, device, description } = adapter.info;
  const software =
    adapter.info.isFallbackAdapter ||
    /llvmpipe|swiftshader/i.test(`${device} ${description} ${architecture}`);
  const { subgroupMatrixConfigs = [] } = adapter.info as GPUAdapterInfo & {
    readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
  };
  const offered = {
    software,
    subgroupSize: subgroupSize(adapter, backend),
    features: [...adapter.features].sort(),
  };
  return {
    name: adapterName({ device, description, software }),
    vendor,
    architecture,
    device,
    backend,
    matrixShapes: matrixShapes(offered, subgroupMatrixConfigs),
    limits,
    ...offered,
  };
}

/** A GPU's driver does not say which GPU; a software driver is the device, which says the same in other letters. */
export function adapterName({
  device,
  description,
  software,
}: Pick<AdapterInfo, "device" | "software"> & { readonly description: string }): string {
  const [first = ""] = device.split("-", 1);
  if (software && description.toLowerCase().startsWith(first) && first !== "") return description;
  const name = [device.replace(/-+$/, ""), description].filter((part) => part !== "").join(", ");
  return name.length > 0 ? name : "unnamed adapter";
}

const SIZE_CONTROL = "subgroup-size-control";

/** Whether subgroups have one of several sizes, and a kernel may say which. Elsewhere than on Vulkan it was never compiled. */
const canAsk = ({ info, features }: GPUAdapter, backend: string): boolean =>
  backend === "vulkan" &&
  info.subgroupMinSize !== info.subgroupMaxSize &&
  features.has(SIZE_CONTROL);

function subgroupSize(adapter: GPUAdapter, backend: string): number {
  const { info, features } = adapter;
  // Of Intel's sizes nothing says which its matrices are for.
  const asked = info.vendor === "amd" && canAsk(adapter, backend);
  const known = asked || info.subgroupMinSize === info.subgroupMaxSize;
  return features.has("subgroups") && known ? (info.subgroupMinSize ?? 0) : 0;
}

/**
 * The lanes that a kernel's entries ask for, where subgroups vary. "fewest" counts on Intel's GPUs, whose lanes share a
 * thread's registers: what one lane of 16 or 32 has not, it keeps in memory (bench/NOTES.md).
 */
export function askedLanes(
  device: GPUDevice,
  { lanes }: Pick<Kernel, "lanes">,
): number | undefined {
  if (!device.features.has(SIZE_CONTROL)) return undefined;
  if (lanes !== "fewest") return lanes;
  const { adapterInfo } = device;
  return adapterInfo.vendor === "intel" ? adapterInfo.subgroupMinSize : undefined;
}

/** What a workgroup may take; where the limits do not say, what every device offers. */
export function workgroupLimits(limits: AdapterInfo["limits"]): WorkgroupLimits {
  return {
    bytes: limits["maxComputeWorkgroupStorageSize"] ?? 16384,
    threads: limits["maxComputeInvocationsPerWorkgroup"] ?? 256,
  };
}

const MATRICES = "chromium-experimental-subgroup-matrix";

/** What @webgpu/types does not know of yet. */
interface MatrixConfig extends MatrixShape {
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** Lanes with which a software adapter's matrices work: with 16, lavapipe 26.1.6 crashes as it compiles them. */
const SOFTWARE_MATRIX_LANES = 8;

/** Shapes of f16 operands with f32 sums that subgroups of one size multiply. */
export function matrixShapes(
  {
    software,
    subgroupSize: lanes,
    features,
  }: Pick<AdapterInfo, "software" | "subgroupSize" | "features">,
  configs: Iterable<MatrixConfig>,
): MatrixShape[] {
  if (!["shader-f16", MATRICES].every((name) => features.includes(name))) return [];
  if (lanes === 0 || (software && lanes !== SOFTWARE_MATRIX_LANES)) return [];
  return [...configs]
    .filter((config) => config.componentType === "f16" && config.resultComponentType === "f32")
    .map(({ M, N, K }) => ({ M, N, K }));
}

/** Features used where the adapter has them. */
const WANTED = ["subgroups", "timestamp-query", "shader-f16", MATRICES] as const;

/**
 * Opens the preferred adapter with all the limits it offers. Throws DeviceError when there is none.
 * The caller owns the device: device.destroy() ends it.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<OpenedDevice> {
  const adapter = await findAdapter(options);
  const limits: Record<string, number> = {};
  // The limits are getters on a prototype: Object.keys sees none of them.
  for (const name in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === "number") limits[name] = value;
  }
  const backend = options.backend ?? PLATFORM_BACKENDS[process.platform] ?? "vulkan";
  const info = describe(adapter, limits, backend);
  const wanted = canAsk(adapter, backend) ? [...WANTED, SIZE_CONTROL] : WANTED;
  const device = await adapter.requestDevice({
    label: "albert-gpu",
    requiredFeatures: wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[],
    requiredLimits: limits,
  });
  pinned.add(device);
  void device.lost.then(() => pinned.delete(device));
  return { device, info };
}

/** Calls `report` with every error of the device that no scope takes, and when it is lost. */
export function watchDevice(device: GPUDevice, report: (failure: DeviceError) => void): void {
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    // One bad binding drops a whole submit, and training would go on with old values.
    report(new DeviceError(`gpu: ${event.error.message}`));
  });
  void device.lost.then(({ reason, message }) =>
    report(
      new DeviceError(
        `gpu: the device was lost (${reason}): ${message}. Resume from the last checkpoint.`,
      ),
    ),
  );
}

/** Throws PrecisionError, and ends the device, when it cannot compute in a precision. */
export function requirePrecision(
  device: GPUDevice,
  info: Pick<AdapterInfo, "name">,
  precision: Precision,
): void {
  if (precision === "f32" || device.features.has("shader-f16")) return;
  device.destroy();
  throw new PrecisionError(
    `gpu: precision f16 needs an adapter with shader-f16; ${info.name} has none. Use f32.`,
  );
}
