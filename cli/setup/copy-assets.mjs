// Last step of `npm run build`: puts beside the compiled files what the compiler does not copy.
import { chmodSync, cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SHEBANG = "#!/usr/bin/env node\n";
// folder -> endings of the files in it that the program reads at run time
const ASSETS = {
  kernels: [".wgsl"],
  "cli/report": [".css", "page-script.js"],
  "cli/serve": [".html"],
  "cli/setup": ["probe.mjs"],
};

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const dist = join(root, "dist");

for (const [folder, endings] of Object.entries(ASSETS)) {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const wanted = names.filter((name) => endings.some((ending) => name.endsWith(ending)));
  for (const ending of endings) {
    if (!wanted.some((name) => name.endsWith(ending))) {
      throw new Error(`copy-assets: ${folder} must hold a file ending in ${ending}; got none.`);
    }
  }
  for (const name of wanted) cpSync(join(root, folder, name), join(dist, folder, name));
}

const main = join(dist, "cli", "main.js");
const source = readFileSync(main, "utf8");
if (!source.startsWith("#!")) writeFileSync(main, SHEBANG + source);
chmodSync(main, 0o755);
