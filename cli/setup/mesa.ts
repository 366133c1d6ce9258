// Installs Mesa's software Vulkan driver (lavapipe) with apt. Dawn refuses the Mesa 22.3 of Debian 12
// (it lacks shaderUniform*ArrayDynamicIndexing); Debian 12's backports hold 25.0.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../engine/errors.ts";
import { runCommand } from "./command.ts";

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];
const SOURCES_FILE = "/etc/apt/sources.list.d/albert-gpu-backports.list";
const ICD_FOLDERS = [
  "/usr/share/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/etc/vulkan/icd.d",
];

/** One index apt knows: the mirror's address and the suite as the sources name it. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

/** The driver manifest of lavapipe on this machine, or undefined where it is not installed. */
export function findLavapipe(): string | undefined {
  for (const folder of ICD_FOLDERS) {
    if (!existsSync(folder)) continue;
    const name = readdirSync(folder).find((file) => /^lvp_icd.*\.json$/.test(file));
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

/** True for root on a Debian-like Linux with apt-get. */
export function canInstallMesa(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  if (!existsSync("/usr/bin/apt-get")) return false;
  const { ID = "", ID_LIKE = "" } = readOsRelease();
  return /\b(debian|ubuntu)\b/.test(`${ID} ${ID_LIKE}`);
}

/**
 * Installs mesa-vulkan-drivers and libvulkan1 with apt-get, on Debian 12 from bookworm-backports, which is added to
 * apt's sources on the mirror the machine already uses. Needs root and the network; takes about a minute.
 * Throws DeviceError, and takes an added source back, when apt fails.
 */
export async function installMesa(log: (line: string) => void): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) => runCommand("apt-get", args, env);
  const release = readOsRelease();

  log("setup: no usable Vulkan driver; installing Mesa's software driver with apt-get (a minute)");
  await apt("update", "-qq");
  const args = ["install", "-y", "-qq", "--no-install-recommends"];
  if (!needsBackports(release)) {
    await apt(...args, ...PACKAGES);
    return;
  }
  const suite = `${release["VERSION_CODENAME"]}-backports`;
  const sources = parseSources(await apt("indextargets", "--format", "$(REPO_URI) $(RELEASE)"));
  const line = backportsLine(sources, release["VERSION_CODENAME"] ?? "");
  try {
    if (line !== undefined) {
      log(`setup: adding ${suite} to apt's sources (${SOURCES_FILE})`);
      writeFileSync(SOURCES_FILE, `${line}\n`);
      await apt("update", "-qq");
    }
    await apt(...args, "-t", suite, ...PACKAGES);
  } catch (error) {
    if (line !== undefined) rmSync(SOURCES_FILE, { force: true });
    throw error;
  }
}

/** Reads the `URI SUITE` lines of apt-get indextargets. */
export function parseSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const [uri, suite] = line.trim().split(" ");
    if (uri && suite) sources.push({ uri, suite });
  }
  return sources;
}

/**
 * The apt source line for a release's backports on the mirror that carries the release itself,
 * or undefined when a source for them is there already. Throws DeviceError when no source carries the release.
 */
export function backportsLine(sources: readonly AptSource[], codename: string): string | undefined {
  if (sources.some(({ suite }) => suite === `${codename}-backports`)) return undefined;
  const main = sources.find(({ suite }) => suite === codename);
  if (main === undefined) {
    const suites = [...new Set(sources.map(({ suite }) => suite))].join(", ") || "none";
    throw new DeviceError(
      `apt: sources must name the suite ${codename}; got ${suites}. Check the network and /etc/apt.`,
    );
  }
  return `deb ${main.uri} ${codename}-backports main`;
}

/** Debian 12 is the one release whose own Mesa Dawn refuses while its C library is new enough for Dawn. */
export function needsBackports(release: Readonly<Record<string, string>>): boolean {
  return release["ID"] === "debian" && release["VERSION_ID"] === "12";
}

/** Reads the `NAME=value` lines of os-release(5). */
export function parseOsRelease(text: string): Record<string, string> {
  const fields = [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)];
  return Object.fromEntries(fields.map(([, name, value]) => [name, value]));
}

function readOsRelease(): Record<string, string> {
  return existsSync("/etc/os-release")
    ? parseOsRelease(readFileSync("/etc/os-release", "utf8"))
    : {};
}
