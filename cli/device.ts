import { type Gpu, openGpu } from "../engine/index.ts";
import type { Printer } from "./printer.ts";
import { prepareDriver } from "./setup/driver.ts";

/** Opens the preferred GPU and says which one it is. */
export async function openAndTell(printer: Printer, adapter: string | undefined): Promise<Gpu> {
  prepareDriver();
  const gpu = await openGpu({ adapter });
  printer.line(`adapter      ${gpu.info.name} (${gpu.info.backend})`);
  if (gpu.info.software) {
    printer.line(
      "             a software adapter: the CPU does the GPU's work, slowly. Results are the same.",
    );
  }
  return gpu;
}

/** What results.json says of the adapter. */
export function adapterFacts(gpu: Gpu): { name: string; backend: string; software: boolean } {
  const { name, backend, software } = gpu.info;
  return { name, backend, software };
}
