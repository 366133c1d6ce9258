// The Python that has transformers, where there is one: the one PYTHON names, else python3.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPTS = fileURLToPath(new URL(".", import.meta.url));
const NEEDED = ["torch", "transformers", "safetensors", "sklearn", "accelerate", "sentencepiece"];

/** Runs the scripts of this folder. */
export interface Python {
  /** "torch 2.13.0, transformers 5.23.0, ...". */
  readonly versions: string;
  /** Runs a script to its end and returns what it printed. Throws with its last lines when it fails. */
  run(script: string, args: readonly string[], input?: string): string;
}

/** Looks for a Python with the packages of requirements.txt. Returns it, or why there is none. */
export function findPython(): Python | string {
  const command = process.env["PYTHON"] ?? "python3";
  const list = `import importlib.metadata as m, importlib as i; [i.import_module(n) for n in ${JSON.stringify(NEEDED)}]; print(", ".join(f"{p} {m.version(p)}" for p in ["torch", "transformers", "scikit-learn"]))`;
  const found = spawnSync(command, ["-c", list], { encoding: "utf8" });
  if (found.error) return `${command} cannot be run (${found.error.message})`;
  if (found.status !== 0) {
    return `${command} lacks packages: ${found.stderr.trim().split("\n").at(-1)}; install test/parity/requirements.txt and set PYTHON`;
  }
  return {
    versions: found.stdout.trim(),
    run: (script, args, input = "") => {
      const done = spawnSync(command, [join(SCRIPTS, script), ...args], {
        encoding: "utf8",
        input,
        maxBuffer: 2 ** 28,
      });
      if (done.status === 0) return done.stdout;
      const tail = done.stderr.trim().split("\n").slice(-5).join("\n");
      throw new Error(`${script} ${args.join(" ")}: ends with ${done.status};\n${tail}`);
    },
  };
}
