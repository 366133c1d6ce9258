// Tries a driver in a process of its own (probe.mjs), so that this one stays clean and survives a driver that crashes.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DeviceError } from "../../engine/errors.ts";

/** How a process finds its driver; an empty setting is the machine's own way. */
export interface DriverSetting {
  /** Path of a Vulkan loader to load before Dawn asks for one. */
  readonly loader?: string;
  /** Path of the one driver manifest the loader shall read. */
  readonly icd?: string;
}

/** The best adapter of a setting. */
export interface AdapterFound {
  readonly name: string;
  /** True for lavapipe and SwiftShader. */
  readonly software: boolean;
}

const PROBE = fileURLToPath(new URL("./probe.mjs", import.meta.url));
const TIMEOUT_MS = 60_000;
const ICD_VARIABLES = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/**
 * A copy of `env` with a setting in it. A process started by one of ours inherits our SwiftShader in its variables;
 * that is no choice of the user's, so it is taken out first.
 */
export function environmentFor(setting: DriverSetting, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const changed = { ...env };
  for (const name of ICD_VARIABLES) {
    if (changed[name]?.endsWith("/albert-gpu/swiftshader/vk_swiftshader_icd.json"))
      delete changed[name];
    if (setting.icd !== undefined) changed[name] = setting.icd;
  }
  return changed;
}

/**
 * The adapter Dawn finds with a setting, or undefined when it finds none or the driver crashes. Takes about 0.2 s.
 * Throws DeviceError when the `webgpu` package itself cannot be loaded (a C library older than glibc 2.34).
 */
export function probeAdapter(
  setting: DriverSetting,
  env: NodeJS.ProcessEnv,
): AdapterFound | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROBE, setting.loader ?? ""], {
    env: environmentFor(setting, env),
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  if (/ERR_DLOPEN_FAILED|ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND/.test(stderr)) {
    const reason = stderr.split("\n").find((line) => line.includes("Error")) ?? stderr.trim();
    throw new DeviceError(
      `webgpu: its native module must load; got ${reason}. It needs glibc 2.34 or newer (Debian 12, Ubuntu 22.04).`,
    );
  }
  if (status !== 0) return undefined;
  const last = stdout.trim().split("\n").at(-1) ?? "null";
  return (JSON.parse(last) as AdapterFound | null) ?? undefined;
}
