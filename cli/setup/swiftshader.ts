// Provides SwiftShader, a software Vulkan driver, and a Vulkan loader without root: both lie in the npm package
// @sparticuz/chromium (MIT; SwiftShader and the loader: Apache-2.0). Everything is pinned by checksum.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { DeviceError, FileError } from "../../engine/errors.ts";
import { runCommand } from "./command.ts";
import { readTar } from "./tar.ts";

/** What is expected of a package that carries the driver: its checksum and those of the files taken from it. */
export interface DriverPin {
  /** Package and exact version, as npm names it. */
  readonly spec: string;
  /** SHA-512 of the package's tarball, base64, as in npm's integrity field. */
  readonly sha512: string;
  /** The archive inside the tarball: tar, compressed with brotli. */
  readonly archive: string;
  /** File name -> size in bytes and SHA-256 in hex. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** Loader and driver as files on this machine. */
export interface SwiftShaderFiles {
  /** The Vulkan loader, libvulkan.so.1. */
  readonly loader: string;
  /** The driver's manifest for the loader. */
  readonly icd: string;
}

/** The pinned package. Its libraries need glibc 2.17 on x64; it has none for other processors. */
export const SWIFTSHADER: DriverPin = {
  spec: "@sparticuz/chromium@147.0.2",
  sha512:
    "oqXyPAlGQuT9wdZAhcx4nmhehVgEsDc2adL/+FlX8qsLh/YyOgl9GQp8dPMDIBRmktxgA9c1QSNJIQUj2UeHhQ==",
  archive: "package/bin/swiftshader.tar.br",
  files: {
    "libvk_swiftshader.so": {
      bytes: 6_026_040,
      sha256: "5b9e8591c7c2d1c9618c3ad485d0cdffb81f5f1ffd6a982fdb6578c2d8d3213e",
    },
    "libvulkan.so.1": {
      bytes: 787_592,
      sha256: "fe17a77c1f2df38d3b6a935140f746fd80aac564bb44eb3e4f6b75a504295a41",
    },
    "vk_swiftshader_icd.json": {
      bytes: 107,
      sha256: "c9eef28b6b984fec220ef0abfecc40b502d46946706e47bfe97707027cb818bd",
    },
  },
};

/** Where the driver of a pin lies under the cache folder. */
export function swiftShaderFiles(cache: string): SwiftShaderFiles {
  const folder = join(cache, "swiftshader");
  return { loader: join(folder, "libvulkan.so.1"), icd: join(folder, "vk_swiftshader_icd.json") };
}

/** True when every file is there with its size: cheap, and enough to catch an unpacking that was cut short. */
export function isComplete(cache: string, pin: DriverPin = SWIFTSHADER): boolean {
  return Object.entries(pin.files).every(([name, { bytes }]) => {
    const path = join(cache, "swiftshader", name);
    return existsSync(path) && statSync(path).size === bytes;
  });
}

/** True when every file is there with its checksum. */
export function isIntact(cache: string, pin: DriverPin = SWIFTSHADER): boolean {
  if (!isComplete(cache, pin)) return false;
  return Object.entries(pin.files).every(
    ([name, { sha256 }]) => hexSha256(readFileSync(join(cache, "swiftshader", name))) === sha256,
  );
}

/**
 * Downloads the pinned package through npm (so npm's registry and proxy settings hold) and unpacks the driver into the
 * cache folder, replacing what is there. Written aside and renamed: other processes see all of it or none.
 * Needs about 150 MB in the cache folder meanwhile, 7 MB afterwards.
 * Throws DeviceError when npm fails, FileError when a checksum differs.
 */
export async function fetchSwiftShader(
  cache: string,
  log: (line: string) => void,
  pin: DriverPin = SWIFTSHADER,
  download: (spec: string, folder: string) => Promise<string> = downloadPackage,
): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const aside = mkdtempSync(join(cache, "unpacking-"));
  try {
    log(`setup: fetching the software Vulkan driver SwiftShader (npm ${pin.spec}, 68 MB)`);
    const tarball = await download(pin.spec, aside);
    unpack(tarball, join(aside, "swiftshader"), pin);
    rmSync(join(cache, "swiftshader"), { recursive: true, force: true });
    renameSync(join(aside, "swiftshader"), join(cache, "swiftshader"));
    log(`setup: SwiftShader is in ${join(cache, "swiftshader")}`);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function unpack(tarball: string, folder: string, pin: DriverPin): void {
  const bytes = readFileSync(tarball);
  const sha512 = createHash("sha512").update(bytes).digest("base64");
  if (sha512 !== pin.sha512) {
    throw new FileError(
      tarball,
      `sha512 of ${pin.spec} must be ${pin.sha512}; got ${sha512}. Nothing was unpacked; check npm's registry setting.`,
    );
  }
  const archive = readTar(gunzipSync(bytes)).get(pin.archive);
  if (archive === undefined) throw new FileError(tarball, `must hold ${pin.archive}; got none.`);
  const contents = readTar(brotliDecompressSync(archive));
  mkdirSync(folder);
  for (const [name, { sha256 }] of Object.entries(pin.files)) {
    const content = contents.get(name);
    if (content === undefined || hexSha256(content) !== sha256) {
      throw new FileError(tarball, `${name} must have the pinned sha256 ${sha256}; it has not.`);
    }
    writeFileSync(join(folder, name), content);
  }
}

async function downloadPackage(spec: string, folder: string): Promise<string> {
  const output = await runCommand("npm", ["pack", spec, "--json", "--pack-destination", folder]);
  const [packed] = JSON.parse(output) as { filename: string }[];
  if (packed === undefined) throw new DeviceError(`npm pack ${spec}: must name a file; got none.`);
  return join(folder, packed.filename);
}

function hexSha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
