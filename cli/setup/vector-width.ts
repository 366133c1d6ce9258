// How many bits llvmpipe, Mesa's software driver, computes at a time: 256 on any processor, unless a variable says otherwise.
import { readFileSync } from "node:fs";

/** Mesa's own variable; read once, when the driver is loaded. */
const VARIABLE = "LP_NATIVE_VECTOR_WIDTH";

/** What Linux says about the machine's processors; empty elsewhere. */
export function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/**
 * The width with which training is fastest, where that is not Mesa's: 512 on Intel's processors since Sapphire Rapids, known
 * by avx512_fp16. On AMD's Zen 4 and Zen 5, 512 is slower; older ones of Intel are not measured (bench/NOTES.md).
 */
export function bestVectorWidth(cpuinfo: string): string | undefined {
  const intel = /^vendor_id\s*:\s*GenuineIntel$/m.test(cpuinfo);
  return intel && /^flags\s*:.*\bavx512_fp16\b/m.test(cpuinfo) ? "512" : undefined;
}

/**
 * Sets Mesa's variable for this process and its children, unless the user or a parent has. Only then is `cpuinfo` asked for:
 * Linux takes a third of a millisecond for each processor.
 */
export function widenVectors(env: NodeJS.ProcessEnv, cpuinfo: () => string): void {
  if (env[VARIABLE] !== undefined) return;
  const width = bestVectorWidth(cpuinfo());
  if (width !== undefined) env[VARIABLE] = width;
}
