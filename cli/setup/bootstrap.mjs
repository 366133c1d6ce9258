// First step of `npm start` and `npm test`: checks Node and installs the packages when they are missing or stale.
// Plain JavaScript without a dependency, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MINIMUM_NODE = [20, 19];

const root = fileURLToPath(new URL("../../", import.meta.url));
const lockfile = `${root}package-lock.json`;
// npm writes this file last, so it is there only after an installation that went through.
const installed = `${root}node_modules/.package-lock.json`;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
  fail(`Node must be ${MINIMUM_NODE.join(".")} or newer; got ${process.versions.node}.`);
}

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lockfile).mtimeMs) {
  console.log("setup: installing the packages of package-lock.json (npm ci)");
  // The scripts to come need the development packages, also where NODE_ENV says production.
  const args = ["ci", "--include=dev", "--no-fund", "--no-audit"];
  const npm = process.env.npm_execpath;
  const run = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (run.status !== 0) {
    fail(
      "npm ci must succeed; see its message above. Check the network and npm's registry setting.",
    );
  }
}

/** @param {string} problem */
function fail(problem) {
  console.error(`setup: ${problem}`);
  process.exit(1);
}
