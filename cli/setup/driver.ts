// Provides a Vulkan driver: the machine's own where one works, else Mesa through apt, else SwiftShader in a cache folder.
// Dawn asks for the loader by the name libvulkan.so.1, so one that this process has loaded before is the one it gets.
import { constants } from "node:os";
import { DeviceError } from "../../engine/errors.ts";
import {
  cacheFolder,
  dropDecision,
  readDecision,
  writeDecision,
  type CachedWay,
} from "./decision.ts";
import { canInstallMesa, findLavapipe, installMesa } from "./mesa.ts";
import { environmentFor, probeAdapter, type AdapterFound, type DriverSetting } from "./probe.ts";
import { fetchSwiftShader, isComplete, isIntact, swiftShaderFiles } from "./swiftshader.ts";
import { systemDrivers } from "./system-drivers.ts";
import { readCpuinfo, widenVectors } from "./vector-width.ts";

/** Which driver this process uses: the machine's, forced lavapipe, the machine's with our loader, or SwiftShader. */
export interface DriverState {
  readonly way: "system" | "mesa" | CachedWay;
  /** What a probe saw; undefined where none was needed. */
  readonly adapter: AdapterFound | undefined;
}

/** Everything the choice depends on outside this file, so that a test can stand in for a machine. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  /** True where SwiftShader's pinned build can run. */
  readonly runsSwiftShader: boolean;
  /** Text of /proc/cpuinfo. */
  readonly cpuinfo: () => string;
  probe(setting: DriverSetting, env: NodeJS.ProcessEnv): AdapterFound | undefined;
  apply(setting: DriverSetting, env: NodeJS.ProcessEnv): void;
  findLavapipe(): string | undefined;
  canInstallMesa(): boolean;
  installMesa(log: (line: string) => void): Promise<void>;
  isComplete(cache: string): boolean;
  isIntact(cache: string): boolean;
  fetchSwiftShader(cache: string, log: (line: string) => void): Promise<void>;
}

/** Options of {@link provideDriver}. */
export interface ProvideOptions {
  /** Receives one line per thing done; nothing when nothing has to be done. */
  readonly log: (line: string) => void;
}

const RTLD_NODELETE = 0x1000;
const REMEDY =
  "Install a Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers and libvulkan1; Debian 12: both from " +
  "bookworm-backports; a GPU: its vendor's driver), then run `albert-gpu doctor`.";

/**
 * Points this process at the driver an earlier {@link provideDriver} chose. Synchronous and cheap (a few file look-ups;
 * one probe of about 0.2 s when the machine's drivers have changed since). Where the machine's own driver is in use, it
 * only widens the vectors of Mesa's software driver, on processors that gain by it. Call it before the first adapter is
 * requested, on the main thread: workers have a copy of process.env.
 * ALBERT_GPU_DRIVER=system|mesa|swiftshader forces a way.
 * Throws DeviceError when the forced driver is not installed or the variable has another value.
 */
export function prepareDriver(machine: Machine = thisMachine()): DriverState {
  const { env, cpuinfo } = machine;
  widenVectors(env, cpuinfo);
  const cache = cacheFolder(env);
  const forced = forcedWay(env);
  if (forced === "system") return { way: "system", adapter: undefined };
  if (forced === "mesa") {
    const icd = machine.findLavapipe();
    if (icd === undefined) throw missing("mesa", "lavapipe's driver manifest");
    machine.apply({ icd }, env);
    return { way: "mesa", adapter: undefined };
  }
  if (forced === "swiftshader") {
    if (!machine.isComplete(cache)) throw missing("swiftshader", `${cache}/swiftshader`);
    machine.apply(settingOf("swiftshader", cache), env);
    return { way: "swiftshader", adapter: undefined };
  }
  if (inheritsSwiftShader(env, cache) && machine.isComplete(cache)) {
    machine.apply(settingOf("swiftshader", cache), env);
    return { way: "swiftshader", adapter: undefined };
  }
  const decision = readDecision(cache);
  if (decision === undefined || !machine.isComplete(cache)) {
    return { way: "system", adapter: undefined };
  }
  const drivers = systemDrivers(environmentFor({}, env));
  if (drivers !== decision.drivers) {
    const adapter = machine.probe({}, env);
    if (adapter !== undefined) {
      dropDecision(cache);
      return { way: "system", adapter };
    }
    writeDecision(cache, { way: decision.way, drivers });
  }
  machine.apply(settingOf(decision.way, cache), env);
  return { way: decision.way, adapter: undefined };
}

/**
 * Makes sure that an adapter can be opened, and points this process at its driver. In this order: the machine's own
 * driver, what an earlier call put into the cache folder, Mesa through apt (root on Debian or Ubuntu), SwiftShader
 * through npm. Installs nothing where an adapter works already. ALBERT_GPU_DRIVER forces a way.
 * Throws DeviceError, with the remedy, when no way leads to an adapter.
 */
export async function provideDriver(
  { log }: ProvideOptions,
  machine: Machine = thisMachine(),
): Promise<DriverState> {
  const { env, cpuinfo } = machine;
  widenVectors(env, cpuinfo); // for the probes too, which name what they find
  const cache = cacheFolder(env);
  const forced = forcedWay(env);
  if (forced === "mesa") return provideLavapipe(log, machine);
  if (forced === "swiftshader") return provideSwiftShader(cache, log, machine);

  const own = machine.probe({}, env);
  if (own !== undefined) {
    if (forced === undefined) dropDecision(cache);
    return { way: "system", adapter: own };
  }
  if (forced === "system") {
    throw new DeviceError(`no GPU adapter; ALBERT_GPU_DRIVER is "system". ${REMEDY}`);
  }
  const reasons: string[] = [];
  const cached = readDecision(cache) !== undefined && machine.isIntact(cache);
  if (!cached && machine.canInstallMesa()) {
    try {
      await machine.installMesa(log);
      const adapter = machine.probe({}, env);
      if (adapter !== undefined) return announce({ way: "system", adapter }, log);
      reasons.push("Mesa was installed, but no adapter came of it.");
    } catch (error) {
      reasons.push((error as Error).message);
    }
    log(`setup: that gave no adapter: ${reasons.at(-1)}`);
  }
  if (machine.runsSwiftShader) {
    try {
      return await provideFromCache(cache, log, machine);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new DeviceError(["no GPU adapter.", ...reasons, REMEDY].join("\n"));
}

/** SwiftShader's package also brings a loader; with it, a GPU whose machine only lacks the loader is found first. */
async function provideFromCache(
  cache: string,
  log: (line: string) => void,
  machine: Machine,
): Promise<DriverState> {
  const { env } = machine;
  const fetched = await fetchUnlessIntact(cache, log, machine);
  for (const way of ["loader", "swiftshader"] as const) {
    const setting = settingOf(way, cache);
    const adapter = machine.probe(setting, env);
    if (adapter === undefined) continue;
    writeDecision(cache, { way, drivers: systemDrivers(environmentFor({}, env)) });
    machine.apply(setting, env);
    return fetched ? announce({ way, adapter }, log) : { way, adapter };
  }
  throw new DeviceError("SwiftShader was unpacked, but no adapter came of it.");
}

async function provideSwiftShader(
  cache: string,
  log: (line: string) => void,
  machine: Machine,
): Promise<DriverState> {
  const fetched = await fetchUnlessIntact(cache, log, machine);
  const setting = settingOf("swiftshader", cache);
  const adapter = machine.probe(setting, machine.env);
  if (adapter === undefined) {
    throw new DeviceError(`no GPU adapter; SwiftShader in ${cache} gave none. ${REMEDY}`);
  }
  machine.apply(setting, machine.env);
  const state: DriverState = { way: "swiftshader", adapter };
  return fetched ? announce(state, log) : state;
}

async function provideLavapipe(
  log: (line: string) => void,
  machine: Machine,
): Promise<DriverState> {
  const { env } = machine;
  const found = lavapipe(machine);
  if (found !== undefined) return found;
  if (!machine.canInstallMesa()) {
    throw missing(
      "mesa",
      "lavapipe that Dawn accepts (Mesa 25 or newer), and no root and apt to install it",
    );
  }
  await machine.installMesa(log);
  const installed = lavapipe(machine);
  if (installed === undefined) {
    throw new DeviceError(`no GPU adapter; Mesa's lavapipe gave none in ${env["HOME"]}. ${REMEDY}`);
  }
  return announce(installed, log);
}

function lavapipe(machine: Machine): DriverState | undefined {
  const icd = machine.findLavapipe();
  const adapter = icd === undefined ? undefined : machine.probe({ icd }, machine.env);
  if (icd === undefined || adapter === undefined) return undefined;
  machine.apply({ icd }, machine.env);
  return { way: "mesa", adapter };
}

async function fetchUnlessIntact(
  cache: string,
  log: (line: string) => void,
  machine: Machine,
): Promise<boolean> {
  if (machine.isIntact(cache)) return false;
  await machine.fetchSwiftShader(cache, log);
  return true;
}

/** True in a process whose parent chose SwiftShader: the parent has looked, and the variables are its. */
function inheritsSwiftShader(env: NodeJS.ProcessEnv, cache: string): boolean {
  return env["VK_ICD_FILENAMES"] === swiftShaderFiles(cache).icd;
}

function settingOf(way: CachedWay, cache: string): DriverSetting {
  const { loader, icd } = swiftShaderFiles(cache);
  return way === "loader" ? { loader } : { loader, icd };
}

function forcedWay(env: NodeJS.ProcessEnv): "system" | "mesa" | "swiftshader" | undefined {
  const value = env["ALBERT_GPU_DRIVER"];
  if (value === undefined || value === "") return undefined;
  if (value === "system" || value === "mesa" || value === "swiftshader") return value;
  throw new DeviceError(`ALBERT_GPU_DRIVER: must be system, mesa or swiftshader; got "${value}".`);
}

function missing(way: string, what: string): DeviceError {
  return new DeviceError(
    `ALBERT_GPU_DRIVER=${way}: needs ${what}; there is none. Run \`albert-gpu doctor\` (in a clone: npm start).`,
  );
}

function announce(state: DriverState, log: (line: string) => void): DriverState {
  if (state.adapter !== undefined) {
    log(`setup: found ${state.adapter.name}${state.adapter.software ? " (software)" : ""}`);
  }
  return state;
}

function applySetting(setting: DriverSetting, env: NodeJS.ProcessEnv): void {
  if (setting.icd !== undefined) Object.assign(env, environmentFor(setting, {}));
  if (setting.loader === undefined) return;
  try {
    process.dlopen({ exports: {} }, setting.loader, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch (error) {
    // Node complains that a loader is no module and closes it again; NODELETE keeps it in the process.
    if (!(error as Error).message.includes("did not self-register")) {
      throw new DeviceError(
        `${setting.loader}: must be a Vulkan loader; ${(error as Error).message}`,
      );
    }
  }
}

function thisMachine(): Machine {
  return {
    env: process.env,
    runsSwiftShader: process.platform === "linux" && process.arch === "x64",
    cpuinfo: readCpuinfo,
    probe: probeAdapter,
    apply: applySetting,
    findLavapipe,
    canInstallMesa,
    installMesa,
    isComplete: (cache) => isComplete(cache),
    isIntact: (cache) => isIntact(cache),
    fetchSwiftShader: (cache, log) => fetchSwiftShader(cache, log),
  };
}
