// What the machine offers as Vulkan drivers, as one short text: the set-up remembers it with its decision, and looks
// again only when it has changed. Folders as in the Vulkan loader's documentation (LoaderDriverInterface.md).
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const LOADER = "libvulkan.so.1";
const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
];

/** A checksum over driver manifests, the loader, GPU device files and the variables that steer the loader. */
export function systemDrivers(env: NodeJS.ProcessEnv): string {
  const home = env["HOME"] ?? homedir();
  const data = (env["XDG_DATA_DIRS"] || "/usr/local/share:/usr/share").split(":");
  const config = (env["XDG_CONFIG_DIRS"] || "/etc/xdg").split(":");
  const manifests = [
    env["XDG_CONFIG_HOME"] || join(home, ".config"),
    env["XDG_DATA_HOME"] || join(home, ".local/share"),
    "/etc",
    ...config,
    ...data,
  ].map((folder) => join(folder, "vulkan/icd.d"));
  const libraries = [
    ...(env["LD_LIBRARY_PATH"] ?? "").split(":").filter(Boolean),
    ...LIBRARY_FOLDERS,
  ];
  const facts = [
    ...["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"].map(
      (name) => env[name] ?? "",
    ),
    ...manifests.flatMap((folder) => entries(folder).map((name) => stamp(join(folder, name)))),
    ...libraries.map((folder) => stamp(join(folder, LOADER))),
    ...entries("/dev/dri"),
    ...entries("/dev").filter((name) => name.startsWith("nvidia")),
  ];
  return createHash("sha256").update(facts.join("\n")).digest("hex");
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function stamp(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${path} ${found.size} ${found.mtimeMs}` : "";
}
