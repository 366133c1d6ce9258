// `npm run docs`: the pages of the commands (committed, held to the command line by a test) and the API reference (not
// committed). typedoc reads TypeScript up to 6.0 while the project is compiled by 7, so it is a package of its own.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandPages } from "./commands.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const typedoc = join(here, "typedoc");
const run = (command: string, ...args: string[]): void => {
  execFileSync(command, args, {
    cwd: typedoc,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
};

const folder = join(here, "commands");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const pages = await commandPages();
for (const [name, text] of pages) writeFileSync(join(folder, name), text);
console.log(`wrote ${pages.size} pages in docs/commands`);

if (!existsSync(join(typedoc, "node_modules"))) run("npm", "ci", "--ignore-scripts");
run("npx", "--no-install", "typedoc");
