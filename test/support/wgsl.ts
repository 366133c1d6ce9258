// Just enough of WGSL's structure to see which storage an entry point reaches, read independently of the engine.

import type { Kernel } from "../../kernels/kernel.ts";

interface WgslFunction {
  readonly name: string;
  /** Parameters and body. */
  readonly text: string;
}

function functionsOf({ source }: Kernel): WgslFunction[] {
  const code = source.replaceAll(/\/\/.*$/gm, "");
  const starts = [...code.matchAll(/\bfn (\w+)\s*\(/g)];
  return starts.map(({ index, 1: name }) => {
    let depth = 0;
    let end = code.indexOf("{", index);
    do {
      if (code[end] === "{") depth++;
      if (code[end] === "}") depth--;
      end++;
    } while (depth > 0);
    return { name: name!, text: code.slice(code.indexOf("(", index), end) };
  });
}

/** Names a function uses that are not its own parameters or variables. */
function freeNames({ text }: WgslFunction): Set<string> {
  const own = new Set(
    [
      ...text.matchAll(
        /\b(?:let|var|const)(?:<\w+>)? (\w+)|[(,]\s*(?:@\w+(?:\([^)]*\))?\s*)?(\w+)\s*:/g,
      ),
    ].map(([, variable, parameter]) => variable ?? parameter!),
  );
  // A member after a dot is no name.
  const names = [...text.matchAll(/(?<![.\w])([a-zA-Z_]\w*)/g)].map(([, name]) => name!);
  return new Set(names.filter((name) => !own.has(name)));
}

/** The storage variables that `entry` uses, itself or through the functions it calls. */
export function storageUsedBy(kernel: Kernel, entry: string): Set<string> {
  const functions = new Map(functionsOf(kernel).map((fn) => [fn.name, fn]));
  const used = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const fn = functions.get(name);
    if (!fn || seen.has(name)) return;
    seen.add(name);
    for (const free of freeNames(fn)) {
      if (kernel.bindings.has(free)) used.add(free);
      visit(free);
    }
  };
  visit(entry);
  return used;
}

/** The functions of a kernel that call `name`. */
export function callersOf(kernel: Kernel, name: string): string[] {
  return functionsOf(kernel)
    .filter((fn) => fn.name !== name && freeNames(fn).has(name))
    .map((fn) => fn.name);
}
