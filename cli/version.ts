import { readFileSync } from "node:fs";

/** The version of this program. */
export function ownVersion(): string {
  // Two levels up from dist/cli, one from cli: the nearest package.json is the package's own.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return "unknown";
}
