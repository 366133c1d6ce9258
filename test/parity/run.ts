// npm run parity: makes the golden files again and compares live with transformers, PyTorch and scikit-learn.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPreparedGpu } from "./gpu.ts";
import { CHECKS } from "./live.ts";
import { findPython } from "./python.ts";

async function main(): Promise<number> {
  const python = findPython();
  if (typeof python === "string") {
    for (const name of Object.keys(CHECKS)) console.log(`skipped  ${name}: ${python}`);
    return 0;
  }
  const gpu = await openPreparedGpu();
  console.log(`${python.versions}; ${gpu.info.name}`);
  const temporary = mkdtempSync(join(tmpdir(), "albert-gpu-parity-"));
  let failures = 0;
  try {
    for (const [name, check] of Object.entries(CHECKS)) {
      try {
        console.log(`same     ${name}: ${await check({ gpu, python, temporary })}`);
      } catch (error) {
        failures++;
        console.log(`DIFFERS  ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    gpu.close();
  }
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main();
